// thrum/cli/output.hpp: front door, cli
// Standard output that says so when it takes no more, and requests told line by line on standard error.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/threads/condition.hpp>
#include <thrum/threads/lock.hpp>
#include <thrum/threads/thread.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace thrum::cli {

// Standard output took no more. Where code() is EPIPE its reader went away, and nobody is to be told.
class OutputError : public OSError {
public:
    explicit OutputError(int code);
};

// All of `text` to standard output, at once. Throws OutputError.
void write_output(std::string_view text);

// To be called first of all: standard input, output and error that are closed are held by something that
// fails as they would, so that no socket or file gets their number and what was meant for people.
void hold_standard_descriptors();

// Text beyond this that is not written yet makes those who bring more wait.
inline constexpr std::size_t max_unwritten_log_bytes = 1 << 20;

// Lines on standard error, written by a thread of its own: a terminal that stands still holds nobody else,
// until too much waits for it.
class LineLog {
public:
    LineLog();
    // Writes what is left.
    ~LineLog();
    LineLog(const LineLog&) = delete;
    LineLog& operator=(const LineLog&) = delete;

    // Thread-safe. Throws Cancelled, and TimeoutError when a deadline in force passes.
    void add(std::string_view line);

private:
    void run();

    Lock lock_;  // guards what follows, up to writer_
    Condition changed_;
    Condition drained_;
    std::string lines_;
    bool finishing_ = false;
    Thread writer_;
};

}  // namespace thrum::cli
