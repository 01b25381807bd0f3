// thrum/threads/internal/uncaught.hpp: floor 1, threads
// Where exceptions go that nobody is there to catch.
#pragma once

#include <cstdint>
#include <exception>
#include <string>

namespace thrum::internal {

// One that left a thread's function and that nobody joins for: to the excepthook, see excepthook.hpp.
void report_uncaught(std::uint64_t id, std::string name, const std::exception_ptr& error) noexcept;
// One that left the initializer of a pool's thread: to standard error.
void report_initializer(const std::string& pool, const std::string& why) noexcept;

}  // namespace thrum::internal
