// thrum/threads/internal/registry.hpp: floor 1, threads
// Every fiber that has been started and whose control block still stands: found by walking the stacks, at no
// cost to those who start and end them.
#pragma once

#include <thrum/threads/internal/fiber.hpp>

#include <type_traits>
#include <utility>

namespace thrum::internal {

// One fiber, kept from being freed.
class FiberReference {
public:
    explicit FiberReference(Fiber& retained) noexcept : fiber_(&retained) {}
    FiberReference(FiberReference&& other) noexcept : fiber_(std::exchange(other.fiber_, nullptr)) {}
    FiberReference& operator=(FiberReference&& other) noexcept {
        std::swap(fiber_, other.fiber_);
        return *this;
    }
    ~FiberReference() {
        if (fiber_ != nullptr) fiber_->release();
    }
    Fiber& operator*() const noexcept { return *fiber_; }
    Fiber* operator->() const noexcept { return fiber_; }

private:
    Fiber* fiber_;
};

// Calls visit(FiberReference) for each fiber that has not ended, until it returns false, if it returns
// anything. Those that start or end meanwhile are met or not.
template <class Visit>
void for_each_fiber(Visit&& visit) {
    visit_stacks(
        [](StackHeader& header, void* argument) {
            FiberReference reference(Fiber::at(header));
            if (reference->finished()) return true;
            auto& visitor = *static_cast<std::remove_reference_t<Visit>*>(argument);
            if constexpr (std::is_same_v<decltype(visitor(std::move(reference))), bool>) {
                return visitor(std::move(reference));
            } else {
                visitor(std::move(reference));
                return true;
            }
        },
        &visit);
}

}  // namespace thrum::internal
