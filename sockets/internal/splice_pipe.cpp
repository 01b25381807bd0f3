// thrum/sockets/internal/splice_pipe.cpp: floor 2, sockets
#include <thrum/sockets/internal/splice_pipe.hpp>
#include <thrum/threads/lock.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <utility>

namespace thrum::internal {

namespace {

struct Idle {
    Lock lock;
    std::array<std::pair<UniqueFd, UniqueFd>, idle_pipes_kept> pipes;
    std::size_t count = 0;
};

Idle& idle() {
    static Idle* const instance = new Idle;  // lives as long as any thread may
    return *instance;
}

}  // namespace

std::optional<SplicePipe> SplicePipe::get() {
    Idle& all = idle();
    {
        const std::scoped_lock holding(all.lock);
        if (all.count > 0) {
            auto& [out, in] = all.pipes[--all.count];
            return SplicePipe(std::move(out), std::move(in));
        }
    }
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return std::nullopt;
    // Refused beyond fs.pipe-user-pages-soft (pipe(7)): then it stays at 64 KB.
    ::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(splice_pipe_size));
    return SplicePipe(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

SplicePipe::~SplicePipe() {
    if (!in_ || held_ != 0) return;
    Idle& all = idle();
    all.lock.lock_shielded();
    const std::scoped_lock holding(std::adopt_lock, all.lock);
    if (all.count < all.pipes.size()) all.pipes[all.count++] = {std::move(out_), std::move(in_)};
}

}  // namespace thrum::internal
