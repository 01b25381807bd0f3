// thrum/threads/internal/then.cpp: floor 1, threads
#include <thrum/threads/executor.hpp>
#include <thrum/threads/internal/then.hpp>

namespace thrum::internal {

Then::Then(FutureCore& source, FutureCore& derived, Executor* executor) noexcept
    : source_(source), derived_(derived), executor_(executor) {
    source_.retain();
    derived_.retain();
}

Then::~Then() {
    source_.release();
    derived_.release();
}

void Then::run(Continuations& later) noexcept {
    if (source_.cancelled()) return derived_.give_up(&later);
    if (source_.error()) return derived_.fail(source_.error(), &later);
    if (executor_ == nullptr) return derived_.execute(&later);
    if (!derived_.done()) ExecutorAccess::submit(*executor_, derived_);
}

}  // namespace thrum::internal
