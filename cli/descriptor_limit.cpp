// thrum/cli/descriptor_limit.cpp: front door, cli
// Failing changes nothing: then what was given has to do.
#include <thrum/cli/descriptor_limit.hpp>

#include <limits>

namespace thrum::cli {

namespace {

// What this process was given; equal where nothing was or could be raised. Written once, before there are
// threads.
rlimit given = {RLIM_INFINITY, RLIM_INFINITY};

}  // namespace

DescriptorLimit::DescriptorLimit() noexcept {
    rlimit now = {};
    if (::getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur == now.rlim_max) return;
    const rlimit raised = {now.rlim_max, now.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) given = now;
}

void DescriptorLimit::restore() const noexcept { restore_descriptor_limit_of(0); }

void restore_descriptor_limit_of(pid_t program) noexcept {
    // For prlimit(2), 0 is the caller.
    if (given.rlim_cur != given.rlim_max) ::prlimit(program, RLIMIT_NOFILE, &given, nullptr);
}

std::size_t descriptor_limit() noexcept {
    rlimit limit = {};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : std::numeric_limits<std::size_t>::max();
}

}  // namespace thrum::cli
