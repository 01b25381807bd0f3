// thrum/threads/deadline.hpp: floor 1, threads
// Until when a wait may last, and the scope that sets it for every wait inside.
#pragma once

#include <chrono>

namespace thrum {

// A point of the steady clock; `never` sets no limit. Thread-safe, being a value.
using Deadline = std::chrono::steady_clock::time_point;
inline constexpr Deadline never = Deadline::max();

// now + duration; `never` where the sum would overflow. A negative duration has passed already.
Deadline deadline_after(std::chrono::nanoseconds duration) noexcept;

// The deadline of the innermost Timeout scopes of the calling thread; `never` outside of any.
Deadline current_deadline() noexcept;

// While it stands, every wait of the calling thread ends at the deadline with TimeoutError; but those of a
// Descriptor say so by their result: wait() is false, perform() -1 with errno ETIMEDOUT. Scopes nest: the
// earliest deadline holds. Must be destroyed by the thread that made it, in reverse order of making.
class [[nodiscard]] Timeout {
public:
    explicit Timeout(std::chrono::nanoseconds duration) noexcept : Timeout(deadline_after(duration)) {}
    explicit Timeout(Deadline deadline) noexcept;
    ~Timeout();
    Timeout(const Timeout&) = delete;
    Timeout& operator=(const Timeout&) = delete;

private:
    Deadline outer_;
};

}  // namespace thrum
