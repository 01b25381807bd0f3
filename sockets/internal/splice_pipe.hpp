// thrum/sockets/internal/splice_pipe.hpp: floor 2, sockets
// The pipe through which splice(2) moves bytes, made once and used by one transfer after the other.
#pragma once

#include <thrum/base/file.hpp>

#include <cstddef>
#include <optional>

namespace thrum::internal {

// What a pipe holds, and so the bytes of one system call: enough that its cost does not show, few enough that
// others get their turn, and an unprivileged user's most (fs.pipe-max-size, pipe(7)).
inline constexpr std::size_t splice_pipe_size = std::size_t{1} << 20;
// Pipes that wait for the next transfer; each is two descriptors.
inline constexpr std::size_t idle_pipes_kept = 8;

// Both ends of a pipe whose owner it is for a while. Move-only; one that is empty at the end is kept for the
// next transfer. Non-blocking where it is filled, for splice(2) with a socket never waits; see splice(2) for
// SPLICE_F_NONBLOCK.
class SplicePipe {
public:
    // Nothing where there are no descriptors left; errno says why.
    static std::optional<SplicePipe> get();
    SplicePipe(SplicePipe&&) noexcept = default;
    SplicePipe& operator=(SplicePipe&&) = delete;
    ~SplicePipe();

    int in() const noexcept { return in_.get(); }
    int out() const noexcept { return out_.get(); }
    // Bytes went in, or came out.
    void filled(std::size_t size) noexcept { held_ += size; }
    void drained(std::size_t size) noexcept { held_ -= size; }

private:
    SplicePipe(UniqueFd out, UniqueFd in) noexcept : out_(std::move(out)), in_(std::move(in)) {}

    UniqueFd out_;
    UniqueFd in_;
    std::size_t held_ = 0;
};

}  // namespace thrum::internal
