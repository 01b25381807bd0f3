// thrum/fetch/reporter.cpp: floor 5, fetch
#include <thrum/base/errors.hpp>
#include <thrum/fetch/figures.hpp>
#include <thrum/fetch/reporter.hpp>
#include <thrum/fetch/utf8.hpp>
#include <thrum/threads/to_thread.hpp>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <utility>

namespace thrum::fetch {

namespace {

// Where a terminal takes no more for now, it is asked again after this.
constexpr std::chrono::milliseconds full_terminal_pause{10};

std::string_view environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string_view() : std::string_view(value);
}

// POSIX.1-2017 section 8.2: the first of these that is set and not empty names the character set.
bool locale_is_utf8() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const std::string_view value = environment(name);
        if (value.empty()) continue;
        for (const std::string_view spelling : {"UTF-8", "utf-8", "UTF8", "utf8"}) {
            if (value.find(spelling) != std::string_view::npos) return true;
        }
        return false;
    }
    return false;
}

FrameStyle window_style(const ReporterOptions& options) {
    FrameStyle style{.color = options.color, .unicode = options.unicode};
    struct winsize size {};
    // tty_ioctl(4). A terminal that does not know its size says 0.
    if (::ioctl(options.error_fd, TIOCGWINSZ, &size) == 0) {
        if (size.ws_col > 0) style.columns = size.ws_col;
        if (size.ws_row > 0) style.rows = size.ws_row;
    }
    return style;
}

}  // namespace

int write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(fd, bytes.data(), bytes.size());
        if (put >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(put));
        } else if (errno == EAGAIN) {
            sleep(full_terminal_pause);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

ReporterOptions default_reporter_options() {
    ReporterOptions options;
    options.bars =
        ::isatty(STDERR_FILENO) == 1 && !environment("TERM").empty() && environment("TERM") != "dumb";
    options.lines = !options.bars || ::isatty(STDOUT_FILENO) != 1;
    options.color = options.bars && environment("NO_COLOR").empty();
    options.unicode = locale_is_utf8();
    return options;
}

Reporter::Reporter(std::size_t count, const ReporterOptions& options)
    : options_(options), progress_(count, Clock::now()), writer_([this] { run(); }) {}

Reporter::~Reporter() { finish(); }

void Reporter::add(const Change& change) {
    std::unique_lock lock(lock_);
    drained_.wait(lock, [&] { return output_.size() + errors_.size() < max_unwritten_bytes; });
    const Result& result = change.result;
    switch (change.state) {
        case State::waiting: break;
        case State::connecting:
            if (options_.bars) {
                progress_.connecting(change.index, result.path.filename().string(), result.timing.started);
            }
            break;
        case State::running:
            if (change.more_bytes == 0) progress_.running(change.index, change.total, Clock::now());
            progress_.received(change.index, change.more_bytes);
            break;
        case State::done:
            progress_.done(change.index);
            if (options_.lines && !result.same_as) {
                output_ += fmt::format("saved {}: {} in {}\n", printable(result.path.string()),
                                       format_bytes(result.bytes),
                                       format_elapsed(result.timing.end - result.timing.started));
            }
            break;
        case State::failed:
            progress_.failed(change.index);
            if (!result.same_as) errors_ += options_.error_prefix + printable(result.error) + "\n";
            break;
    }
    // Lines wait for a line; bars for whatever moves.
    if (!dirty_ && (options_.bars || !output_.empty() || !errors_.empty())) {
        dirty_ = true;
        changed_.notify_one();
    }
}

Reporter::Batch Reporter::take_batch(bool last) {
    Batch batch{std::exchange(output_, {}), std::exchange(errors_, {}), {}};
    dirty_ = false;
    drained_.notify_all();
    if (!options_.bars) return batch;
    const FrameStyle style = window_style(options_);
    // Text goes where the frame stood, and the frame below it.
    const bool text = !batch.errors.empty() || (!batch.output.empty() && ::isatty(options_.output_fd) == 1);
    if (last || text) batch.errors = painter_.clear(style.columns) + batch.errors;
    if (!last)
        batch.frame = painter_.paint(render_frame(progress_.snapshot(Clock::now(), bar_rows(style)), style),
                                     style.columns);
    return batch;
}

void Reporter::write(const Batch& batch) {
    if (batch.output.empty() && batch.errors.empty() && batch.frame.empty()) return;
    to_thread([&] {
        write_all(options_.error_fd, batch.errors);
        // What could not be told does not end the downloads; lines after a gap would mislead.
        if (output_error_ == 0) output_error_ = write_all(options_.output_fd, batch.output);
        write_all(options_.error_fd, batch.frame);
    });
}

void Reporter::run() {
    try {
        while (step()) {
        }
    } catch (const Cancelled&) {
        // Its owner was stopped: the terminal gets back what was taken from it.
        write({{}, painter_.clear(window_style(options_).columns), {}});
        throw;
    }
}

bool Reporter::step() {
    std::unique_lock lock(lock_);
    // Bars are drawn again though nothing came: rates sink and windows change.
    const auto awaited = [&] { return dirty_ || finishing_; };
    if (options_.bars) {
        changed_.wait_for(lock, options_.interval, awaited);
    } else {
        changed_.wait(lock, awaited);
    }
    const bool last = finishing_;
    const Batch batch = take_batch(last);
    lock.unlock();
    write(batch);
    lock.lock();
    // The time between two frames; only the end is worth being early for.
    if (!last) changed_.wait_for(lock, options_.interval, [&] { return finishing_; });
    return !last;
}

void Reporter::finish() noexcept {
    if (!writer_.joinable()) return;
    try {
        {
            const std::scoped_lock lock(lock_);
            finishing_ = true;
            changed_.notify_all();
        }
        writer_.join();
    } catch (...) {
        // Only a pending cancel of the caller can come here; ~Thread ends the writer then, whose bars must
        // go.
    }
}

}  // namespace thrum::fetch
