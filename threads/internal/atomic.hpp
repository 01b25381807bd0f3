// thrum/threads/internal/atomic.hpp: floor 1, threads
// The atomics of the wake-up protocol, under a name of their own: std::atomic, but for the model of
// internal/model/, whose scheduler decides before each operation which thread goes on.
#pragma once

#if defined(THRUM_MODEL)
#include <thrum/threads/internal/model/atomic.hpp>
#else

#include <atomic>

namespace thrum::internal {

template <class T>
using Atomic = std::atomic<T>;

}  // namespace thrum::internal

#endif
