// thrum/threads/internal/continuation.hpp: floor 1, threads
// What happens when a future is done, and the list that makes a long chain of them a loop, not a recursion.
#pragma once

#include <memory>
#include <utility>

namespace thrum::internal {

class Continuations;

class Continuation {
public:
    Continuation() noexcept = default;
    Continuation(const Continuation&) = delete;
    Continuation& operator=(const Continuation&) = delete;
    virtual ~Continuation() = default;
    // Called once. What becomes due by it may be left in `later` for the caller to run.
    virtual void run(Continuations& later) noexcept = 0;

private:
    friend class Continuations;
    Continuation* next_ = nullptr;
};

// First in, first out.
class Continuations {
public:
    Continuations() noexcept = default;
    Continuations(Continuations&& other) noexcept
        : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)) {}
    Continuations& operator=(Continuations&&) = delete;
    ~Continuations() {
        while (pop() != nullptr) {
        }
    }

    void push(std::unique_ptr<Continuation> continuation) noexcept {
        Continuation* const added = continuation.release();
        (last_ != nullptr ? last_->next_ : first_) = added;
        last_ = added;
    }
    void append(Continuations&& others) noexcept {
        if (others.first_ == nullptr) return;
        (last_ != nullptr ? last_->next_ : first_) = others.first_;
        last_ = others.last_;
        others.first_ = others.last_ = nullptr;
    }
    std::unique_ptr<Continuation> pop() noexcept {
        Continuation* const first = first_;
        if (first != nullptr) {
            first_ = first->next_;
            if (first_ == nullptr) last_ = nullptr;
        }
        return std::unique_ptr<Continuation>(first);
    }
    // All of them, and what becomes due by them.
    void run_all() noexcept {
        while (const auto continuation = pop()) continuation->run(*this);
    }

private:
    Continuation* first_ = nullptr;
    Continuation* last_ = nullptr;
};

// Someone else's function, called when a future is done: what it throws is reported on standard error.
class Callback : public Continuation {
public:
    void run(Continuations& later) noexcept final;

private:
    virtual void call() = 0;
};

}  // namespace thrum::internal
