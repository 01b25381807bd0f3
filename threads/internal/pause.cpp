// thrum/threads/internal/pause.cpp: floor 1, threads
#include <thrum/threads/internal/fiber.hpp>
#include <thrum/threads/internal/fiber_start.hpp>
#include <thrum/threads/internal/pause.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/thread.hpp>

#include <chrono>
#include <new>
#include <thread>

namespace thrum::internal {

namespace {

constexpr auto longest_wait = std::chrono::milliseconds(200);
constexpr auto look_interval = std::chrono::microseconds(50);

}  // namespace

struct Pause::Order {
    enum State : int { given, standing, over };
    Worker* worker;
    std::atomic<int> state = given;

    // What the fiber runs.
    static void stand(void* closure) {
        auto* const place = static_cast<std::shared_ptr<Order>*>(closure);
        const std::shared_ptr<Order> order = std::move(*place);
        place->~shared_ptr();
        int expected = given;
        if (!order->state.compare_exchange_strong(expected, standing)) return;
        order->state.wait(standing);  // stops the worker, which is the purpose
    }

    static void send(const std::shared_ptr<Order>& order) {
        Fiber* const fiber = make_fiber({"a look at all threads", default_stack_size},
                                        sizeof(std::shared_ptr<Order>), alignof(std::shared_ptr<Order>));
        ::new (fiber->closure) std::shared_ptr<Order>(order);
        fiber->run = &stand;
        StackHeader::of(fiber->stack).publish(2);
        order->worker->pin_and_post(*fiber);
        fiber->release();
    }
};

Pause::Pause() noexcept {
    Runtime* const runtime = Runtime::started();
    if (runtime == nullptr) return;
    try {
        for (const auto& worker : runtime->workers()) {
            if (worker.get() == Worker::current()) continue;
            auto order = std::make_shared<Order>();
            order->worker = worker.get();
            orders_.push_back(order);
            Order::send(order);
        }
    } catch (const std::exception&) {
        // Out of memory: those that were not asked are said not to stand.
    }
    const auto until = std::chrono::steady_clock::now() + longest_wait;
    for (const auto& order : orders_) {
        while (order->state.load() == Order::given && std::chrono::steady_clock::now() < until) {
            std::this_thread::sleep_for(look_interval);
        }
    }
}

Pause::~Pause() {
    for (const auto& order : orders_) {
        order->state.store(Order::over);
        order->state.notify_all();
    }
}

bool Pause::stands(const Worker* worker) const noexcept {
    if (worker == Worker::current()) return true;
    for (const auto& order : orders_) {
        if (order->worker == worker) return order->state.load() == Order::standing;
    }
    return false;
}

bool Pause::is_ours(void (*run)(void*)) noexcept { return run == &Order::stand; }

}  // namespace thrum::internal
