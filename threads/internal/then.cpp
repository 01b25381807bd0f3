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

void throw_result_taken() {
    throw InvalidStateError(
        "the future's result was taken out before; read it as an lvalue to read it again");
}

void throw_empty_result() {
    throw InvalidStateError("the continuation gave an empty future: one that was moved from or never filled");
}

void throw_follows_itself() {
    throw InvalidStateError("the continuation gave the very future that waits for it");
}

}  // namespace thrum::internal
