// thrum/threads/task_group.cpp: floor 1, threads
#include <thrum/threads/internal/fiber.hpp>
#include <thrum/threads/task_group.hpp>

#include <new>

namespace thrum {

using internal::Fiber;
using internal::SpinGuard;
using internal::Task;

TaskGroup::~TaskGroup() {
    cancel();
    SpinGuard guard(spin_);
    if (running_ > 0) internal::wait_on(waiters_, spin_, guard, internal::current_task(), never, true);
}

TaskGroup::Member& TaskGroup::announce() {
    auto* const member = new Member;
    SpinGuard guard(spin_);
    ++running_;
    return *member;
}

void TaskGroup::adopt(Member& member, Fiber* fiber) noexcept {
    SpinGuard guard(spin_);
    if (member.ended) {
        guard.unlock();
        delete &member;
        fiber->release();
        return;
    }
    member.fiber = fiber;
    member.next = first_;
    if (first_ != nullptr) first_->previous = &member;
    first_ = &member;
    if (cancelled_) fiber->cancel();
}

// By the thread that ends; also where it could not be started, and then `member.fiber` is missing for good.
void TaskGroup::end(Member& member, std::exception_ptr error) noexcept {
    Fiber* fiber = nullptr;
    {
        SpinGuard guard(spin_);
        fiber = member.fiber;
        member.ended = true;
        if (fiber != nullptr) {
            (member.previous != nullptr ? member.previous->next : first_) = member.next;
            if (member.next != nullptr) member.next->previous = member.previous;
            delete &member;
        }
        if (error) keep(std::move(error));
        if (--running_ == 0) waiters_.wake_all();
    }
    // The group may be gone from here on; the fiber is ours.
    if (fiber != nullptr) fiber->release();
}

void TaskGroup::keep(std::exception_ptr error) noexcept {
    if (!error_) {
        error_ = std::move(error);
        return cancel_locked();
    }
    try {
        more_errors_.push_back(std::move(error));
    } catch (const std::bad_alloc&) {
        // The first is told all the same.
    }
}

void TaskGroup::cancel_locked() noexcept {
    cancelled_ = true;
    for (Member* member = first_; member != nullptr; member = member->next) member->fiber->cancel();
}

void TaskGroup::cancel() noexcept {
    SpinGuard guard(spin_);
    cancel_locked();
}

void TaskGroup::wait() {
    SpinGuard guard(spin_);
    while (running_ > 0) {
        Task& task = internal::current_task();
        internal::settle(internal::wait_on(waiters_, spin_, guard, task, never), task, never);
        guard.lock(spin_);
    }
    cancelled_ = false;
    const std::exception_ptr error = std::exchange(error_, nullptr);
    std::vector<std::exception_ptr> errors = std::exchange(more_errors_, {});
    guard.unlock();
    if (!error) return;
    if (errors.empty()) std::rethrow_exception(error);
    errors.insert(errors.begin(), error);
    throw ExceptionGroup(std::move(errors));
}

std::size_t TaskGroup::size() const noexcept {
    SpinGuard guard(spin_);
    return running_;
}

}  // namespace thrum
