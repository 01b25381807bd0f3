// thrum/threads/internal/fiber.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/fiber.hpp>
#include <thrum/threads/internal/fiber_start.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/uncaught.hpp>
#include <thrum/threads/internal/worker.hpp>
#include <thrum/threads/thread.hpp>

#include <algorithm>
#include <new>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace thrum::internal {

namespace {

constexpr std::size_t guard_bytes = 4096;
constexpr std::size_t small_closure = 1024;  // bytes that the default stack can spare
constexpr std::size_t least_stack_size = 16 * 1024;
// More than any address space has, so that mmap(2) refuses it, and little enough for sums that do not
// overflow.
constexpr std::size_t unmappable_stack_size = ~std::size_t{0} / 16;

char* align_down(char* pointer, std::size_t alignment) noexcept {
    return reinterpret_cast<char*>(reinterpret_cast<std::uintptr_t>(pointer) / alignment * alignment);
}

// From the top down: the header, the Fiber, its closure, the stack proper.
char* fiber_place(StackHeader& header) noexcept {
    return align_down(reinterpret_cast<char*>(&header) - sizeof(Fiber), alignof(Fiber));
}

}  // namespace

Fiber::Fiber(const Stack& owned, void* closure_memory, char* stack_top, std::string name) noexcept
    : Task(true),
      context(owned.base + guard_bytes, stack_top, &Fiber::entry),
      closure(closure_memory),
      stack(owned),
      name_(std::move(name)) {
    id = next_thread_id();
}

Fiber& Fiber::at(StackHeader& header) noexcept {
    return *std::launder(reinterpret_cast<Fiber*>(fiber_place(header)));
}

Fiber* make_fiber(FiberOptions options, std::size_t closure_size, std::size_t closure_alignment) {
    Runtime::get();  // may throw, which launch_fiber() may not
    // The guard, the control block and a large closure come on top of what was asked for; a small one does
    // not make the common case leave the pool.
    std::size_t size = std::clamp(options.stack_size, least_stack_size, unmappable_stack_size);
    if (size != default_stack_size || closure_size > small_closure) {
        size += guard_bytes + StackHeader::size + sizeof(Fiber) + closure_size + closure_alignment;
    }
    const Stack stack = Worker::take_stack(stack_size_for(size));
#if defined(__SANITIZE_ADDRESS__)
    // The last frames of the stack's former owner never returned, so their red zones still stand.
    ASAN_UNPOISON_MEMORY_REGION(stack.base + guard_bytes, stack.size - guard_bytes);
#endif
    char* const place = fiber_place(StackHeader::of(stack));
    char* const closure = align_down(place - closure_size, closure_alignment);
    return ::new (place) Fiber(stack, closure, align_down(closure, 16), std::move(options.name));
}

void* closure_of(Fiber* fiber) noexcept { return fiber->closure; }

void discard_fiber(Fiber* fiber) noexcept {
    StackHeader::of(fiber->stack).publish(1);
    fiber->release();
}

void launch_fiber(Fiber* fiber, void (*run)(void*)) noexcept {
    fiber->run = run;
    StackHeader::of(fiber->stack).publish(2);
    Runtime::get().launch(*fiber);
}

void Fiber::release() noexcept {
#if defined(THRUM_MODEL)
    model::step(this, "release", {__FILE__, __LINE__}, true);  // the stack's counter is no watched atomic
#endif
    if (!StackHeader::of(stack).drop()) return;
    const Stack owned = stack;
    this->~Fiber();
    Worker::give_stack(owned);
}

void Fiber::entry(Context&) {
    Worker& home = *Worker::current();
    Fiber& self = *home.running();
    home.arrived();
    home.counters().started.add();
    self.execute();
    if (self.locals != nullptr) end_locals(self);
    self.finish();
    home.leave();
}

void Fiber::execute() noexcept {
    try {
        run(closure);
    } catch (const Cancelled&) {
        // A thread that was asked to stop has stopped: nothing to report.
    } catch (...) {
        error_ = std::current_exception();
    }
}

void Fiber::finish() noexcept {
    if ((fate_.fetch_or(ended_bit, std::memory_order_acq_rel) & disowned_bit) != 0) report_error();
    SpinGuard guard(spin_);
    finished_.store(true, std::memory_order_release);
    joiners_.wake_all();
}

Wake Fiber::wait_finished(Deadline deadline, bool shielded) noexcept {
    if (finished()) return Wake::notified;
    SpinGuard guard(spin_);
    if (finished()) return Wake::notified;
    return wait_on(joiners_, spin_, guard, current_task(), deadline, shielded);
}

void Fiber::disown() noexcept {
    if ((fate_.fetch_or(disowned_bit, std::memory_order_acq_rel) & ended_bit) != 0) report_error();
}

void Fiber::report_error() noexcept {
    if (!error_) return;
    report_uncaught(id, name(), std::exchange(error_, nullptr));
}

}  // namespace thrum::internal
