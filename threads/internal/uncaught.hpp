// thrum/threads/internal/uncaught.hpp: floor 1, threads
// Where an exception goes that left a thread's function and that nobody joins for.
#pragma once

#include <cstdint>
#include <exception>
#include <string>

namespace thrum::internal {

// To the excepthook: see excepthook.hpp.
void report_uncaught(std::uint64_t id, std::string name, const std::exception_ptr& error) noexcept;

}  // namespace thrum::internal
