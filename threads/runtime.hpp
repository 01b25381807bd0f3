// thrum/threads/runtime.hpp: floor 1, threads
// What the threads of this process run on.
#pragma once

#include <cstddef>
#include <string_view>

namespace thrum {

// "io_uring" or "epoll". THRUM_REACTOR chooses; io_uring where nothing is said and the kernel allows it.
// Starts the workers if nothing has yet. Thread-safe.
std::string_view reactor_name();

// How many OS threads carry the fibers: THRUM_WORKERS, or as many as this process may use processors.
std::size_t worker_count();

}  // namespace thrum
