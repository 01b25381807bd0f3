// thrum/cli/descriptor_limit.cpp: front door, cli
// Failing changes nothing: then what was given has to do.
#include <thrum/cli/descriptor_limit.hpp>

#include <limits>

namespace thrum::cli {

DescriptorLimit::DescriptorLimit() noexcept {
    if (::getrlimit(RLIMIT_NOFILE, &before_) != 0) before_ = {RLIM_INFINITY, RLIM_INFINITY};
    rlimit raised = before_;
    raised.rlim_cur = raised.rlim_max;
    if (before_.rlim_cur != before_.rlim_max) ::setrlimit(RLIMIT_NOFILE, &raised);
}

void DescriptorLimit::restore() const noexcept {
    if (before_.rlim_cur != before_.rlim_max) ::setrlimit(RLIMIT_NOFILE, &before_);
}

std::size_t descriptor_limit() noexcept {
    rlimit limit = {};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : std::numeric_limits<std::size_t>::max();
}

}  // namespace thrum::cli
