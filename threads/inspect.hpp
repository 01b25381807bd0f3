// thrum/threads/inspect.hpp: floor 1, threads
// Seeing inside: what every thread of this process is doing.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thrum {

enum class ThreadState : unsigned char {
    not_started,  // in a queue, and any worker may take it
    ready,        // waits for its turn on its worker
    running,
    waiting,
};

// One live thread as it was at the moment of looking.
struct ThreadSnapshot {
    std::uint64_t id = 0;
    std::string name = {};
    bool plain = false;  // an OS thread that has used thrum: main, or a std::thread
    ThreadState state = ThreadState::running;
    std::string waits_on = {};                // "Queue.get 0x7f…", "socket 17 for reading"; where waiting
    std::chrono::nanoseconds waits_for = {};  // so far, give or take the time of a few switches
    std::optional<std::size_t> worker = {};   // the one it is pinned to
    std::vector<std::string> stack = {};      // "function at file:line", innermost first; empty where unknown
};

// All live threads, those that end or start meanwhile or not. Stops the workers for the time of a walk over
// their parked threads; a worker that does not stop within a fifth of a second goes on, and of its threads
// only the running one has a stack. Not from a signal handler. Throws bad_alloc.
std::vector<ThreadSnapshot> enumerate_threads();

// How many there are, without looking at any. Python's threading.active_count().
std::size_t active_count();

// The same as text, equal stacks told once: "4,998 threads wait on a socket for reading".
std::string describe_threads();

// Writes describe_threads() to a descriptor or stream. Never throws: what cannot be written is lost.
void dump_threads(int fd = 2) noexcept;
void dump_threads(std::FILE* stream) noexcept;

// From now on the process answers `signal` (SIGQUIT, as for Java and Go) with a dump on standard error, and
// goes on. THRUM_DUMP_SIGNAL=QUIT (or USR1, USR2) in the environment does the same without a call. Its
// handler only tells a thread of the runtime, which it starts if nothing has. Throws OSError where the system
// refuses.
void dump_threads_on_signal(int signal);

}  // namespace thrum
