// thrum/threads/excepthook.hpp: floor 1, threads
// What happens to an exception that nobody joins for: Python's threading.excepthook.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <string>

namespace thrum {

struct UncaughtException {
    std::uint64_t thread_id = 0;
    std::string thread_name = {};
    std::exception_ptr error = {};  // never Cancelled
};

// Called for each exception that leaves the function of a thread which was detached, or whose Thread goes out
// of scope without a join: in that thread or in the one that lets go of it. An empty function brings back the
// default, which writes "Exception in thread NAME: WHAT" to standard error. What the hook itself throws is
// written there too, and goes no further. Thread-safe; calls that have begun end with the hook they began
// with.
void set_excepthook(std::function<void(const UncaughtException&)> hook);

}  // namespace thrum
