// thrum/threads/internal/model/stand_ins.cpp: floor 1, threads
// What the model has in place of the operating system: futexes, a reactor that can only be woken, stacks, and
// threads that are the model's own.
#include <thrum/threads/internal/block_pool.hpp>
#include <thrum/threads/internal/clock.hpp>
#include <thrum/threads/internal/misuse.hpp>
#include <thrum/threads/internal/model/access.hpp>
#include <thrum/threads/internal/model/stacks.hpp>
#include <thrum/threads/internal/model/world.hpp>
#include <thrum/threads/internal/os_thread.hpp>
#include <thrum/threads/internal/uncaught.hpp>

#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace thrum::internal {

namespace model {

namespace {

constexpr std::size_t stack_bytes = 64 * 1024;

struct Stacks {
    std::vector<Stack> all;
    std::vector<Stack> free;
};

Stacks& stacks() {
    static auto* const instance = new Stacks;  // reachable to the end, so no leak
    return *instance;
}

class ModelReactor final : public Reactor {
public:
    const char* name() const noexcept override { return "model"; }
    void start() override {}
    int watch(IoHandle&, int, IoWait&) noexcept override { return 0; }
    void unwatch(IoWait&) noexcept override {}
    void forget(IoHandle&, int) noexcept override {}
    void poll(Deadline until) noexcept override {
        World& world = *World::current();
        world.step(&woken_, "poll", {__FILE__, __LINE__}, true);
        world.wait_for_flag(woken_, until);
    }
    void wake() noexcept override {
        World::current()->step(&woken_, "wake", {__FILE__, __LINE__}, true);
        woken_ = true;
    }

private:
    bool woken_ = false;
};

const bool clock_set = [] {
    other_clock = []() noexcept { return World::current()->now(); };
    return true;
}();

}  // namespace

void recycle_stacks() noexcept { stacks().free = stacks().all; }

void step(const void* at, const char* operation, Place place, bool fence) noexcept {
    if (World::current() != nullptr) World::current()->step(at, operation, place, fence);
}
void defer(const LateStore& store) noexcept { World::current()->defer(store); }
const LateStore* deferred(const void* at) noexcept { return World::current()->deferred(at); }
void forget(const void* at) noexcept { World::current()->forget(at); }
void done(std::uint64_t value, bool changed) noexcept {
    if (World::current() != nullptr) World::current()->done(value, changed);
}
bool spurious() noexcept { return World::current() != nullptr && World::current()->spurious(); }
std::size_t draw(std::size_t options) noexcept { return World::current()->draw(options); }
void pause() noexcept { World::current()->pause(); }

}  // namespace model

using model::World;

Task& current_task() noexcept {
    if (Worker* const worker = Worker::current()) return *worker->running();
    return World::current()->task();
}

void futex_wait(Atomic<Wake>& word, Wake value, Deadline deadline) noexcept {
    World& world = *World::current();
    world.step(&word, "futex_wait", {__FILE__, __LINE__}, true);
    world.futex_wait(&word, word.peek() == value, deadline);
}

void futex_wake(Atomic<Wake>& word) noexcept {
    World& world = *World::current();
    world.step(&word, "futex_wake", {__FILE__, __LINE__}, true);
    world.futex_wake(&word);
}

// No descriptor is waited for here.
void Task::interrupt_poll() noexcept { std::abort(); }

// No scenario's thread throws.
void report_uncaught(std::uint64_t, std::string, const std::exception_ptr&) noexcept { std::abort(); }

void report_initializer(const std::string&, const std::string&) noexcept {}

// No scenario has a Local.
void end_locals(Task&) noexcept {}

// No scenario has a misuse; what says so ends the run all the same.
void abort_misuse(const char* format, ...) noexcept {
    std::fprintf(stderr, "%s\n", format);
    std::abort();
}
std::string describe_thread(std::uint64_t) { return {}; }

Runtime& Runtime::get() { return World::current()->runtime(); }

Runtime::Runtime() = default;

std::unique_ptr<Runtime> ModelAccess::make_runtime(int workers) {
    std::unique_ptr<Runtime> runtime(new Runtime);
    for (int i = 0; i < workers; ++i) {
        runtime->workers_.push_back(
            std::make_unique<Worker>(*runtime, std::make_unique<model::ModelReactor>()));
    }
    return runtime;
}

void* take_block(std::size_t size) { return World::current()->take_block(size); }
void give_block(void* block, std::size_t) noexcept { World::current()->give_block(block); }

std::size_t stack_size_for(std::size_t) noexcept { return model::stack_bytes; }

Stack allocate_stack(std::size_t) {
    auto& stacks = model::stacks();
    if (stacks.free.empty()) {
        auto* const memory = static_cast<char*>(std::aligned_alloc(4096, model::stack_bytes));
        if (memory == nullptr) std::abort();
        stacks.all.push_back({memory, model::stack_bytes, true, false, 0});
        stacks.free.push_back(stacks.all.back());
    }
    const Stack stack = stacks.free.back();
    stacks.free.pop_back();
#if defined(__SANITIZE_ADDRESS__)
    ASAN_UNPOISON_MEMORY_REGION(stack.base, stack.size);  // frames that never returned left red zones
#endif
    return stack;
}

void release_stack(const Stack& stack) noexcept { model::stacks().free.push_back(stack); }

}  // namespace thrum::internal
