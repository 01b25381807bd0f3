// thrum/fetch/reporter.hpp: floor 5, fetch
// Shows a run of downloads while it runs: bars on a terminal, a line per finished file elsewhere.
#pragma once

#include <thrum/fetch/change.hpp>
#include <thrum/fetch/frame.hpp>
#include <thrum/fetch/progress.hpp>
#include <thrum/threads/condition.hpp>
#include <thrum/threads/lock.hpp>
#include <thrum/threads/thread.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace thrum::fetch {

struct ReporterOptions {
    bool bars = false;  // on error_fd, a terminal
    bool lines = true;  // on output_fd
    bool color = false;
    bool unicode = true;
    std::chrono::milliseconds interval = std::chrono::milliseconds(100);  // between two frames, at least
    int output_fd = 1;
    int error_fd = 2;  // failures and bars
    std::string error_prefix = "thrum get: ";
};

// What suits the process: bars where standard error is a terminal that is not "dumb", lines where standard
// output is none or there are no bars, no colour where NO_COLOR is set and not empty (no-color.org), blocks
// where the locale speaks UTF-8.
ReporterOptions default_reporter_options();

// Unwritten text beyond this makes those who bring more wait, so a stopped reader costs no memory.
inline constexpr std::size_t max_unwritten_bytes = 1 << 20;

// One thread of it writes, at most every `interval`, so neither a slow terminal nor a slow reader holds a
// worker and many small files cost few writes. add() is thread-safe; the rest is for one owner.
class Reporter {
public:
    explicit Reporter(std::size_t count, const ReporterOptions& options = default_reporter_options());
    // As finish(), but swallows what fails.
    ~Reporter();
    Reporter(const Reporter&) = delete;
    Reporter& operator=(const Reporter&) = delete;

    // To be called from Options::on_progress. Throws Cancelled, and TimeoutError when a deadline in force
    // passes.
    void add(const Change& change);
    // Writes what is left, takes the bars away and gives the cursor back. Idempotent, not cancellable.
    void finish() noexcept;
    // After finish(): the errno of the first write to output_fd that failed; 0 where all was written.
    int output_error() const noexcept { return output_error_; }

private:
    struct Batch {
        std::string output;
        std::string errors;
        std::string frame;
    };

    void run();
    bool step();
    Batch take_batch(bool last);
    void write(const Batch& batch);

    const ReporterOptions options_;
    Lock lock_;  // guards what follows, up to painter_
    Condition changed_;
    Condition drained_;
    Progress progress_;
    std::string output_;
    std::string errors_;
    bool dirty_ = false;
    bool finishing_ = false;
    FramePainter painter_;  // only run() uses it, and the next
    int output_error_ = 0;
    Thread writer_;
};

// All of `bytes`, or as much as the other end takes before it goes away; where it takes none for now, it is
// asked again. Returns 0, or the errno that stopped it. Blocks: to be called where that is no harm.
int write_all(int fd, std::string_view bytes);

}  // namespace thrum::fetch
