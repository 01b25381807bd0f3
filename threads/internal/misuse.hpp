// thrum/threads/internal/misuse.hpp: floor 1, threads
// How a bug of the caller ends the process: with a message that names it.
#pragma once

#include <cstdint>
#include <string>

namespace thrum::internal {

// Prints "thrum: thread ", who calls, and the rest, formatted as printf(3) does, to standard error; aborts.
[[noreturn, gnu::format(printf, 1, 2)]] void abort_misuse(const char* format, ...) noexcept;

// "NAME (id N)"; "(id N)" where there is no such thread any more.
std::string describe_thread(std::uint64_t id);

}  // namespace thrum::internal
