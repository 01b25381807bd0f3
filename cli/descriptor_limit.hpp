// thrum/cli/descriptor_limit.hpp: front door, cli
// How many files and sockets this process may have open: all that it is allowed, and not only what it was
// given.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>

namespace thrum::cli {

// Raises the soft limit of descriptors to the hard one (getrlimit(2), RLIMIT_NOFILE). The soft one is low for
// the sake of programs that use select(2), which we do not.
class DescriptorLimit {
public:
    DescriptorLimit() noexcept;
    // Back to what it was: for those who start other programs, which may be such.
    void restore() const noexcept;
};

// The same for one program that was just started, while this process keeps what it has. Nothing happens where
// no DescriptorLimit was made.
void restore_descriptor_limit_of(pid_t program) noexcept;

// The soft limit now.
std::size_t descriptor_limit() noexcept;

}  // namespace thrum::cli
