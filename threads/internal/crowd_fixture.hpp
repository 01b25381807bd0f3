// thrum/threads/internal/crowd_fixture.hpp: floor 1, threads
// What the tests of the locks share: crowds of fibers and plain threads, and somebody who cancels at random.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/threads/thread.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <random>
#include <thread>
#include <vector>

namespace thrum {

// Runs `body(i)` in as many fibers and plain threads as asked, all at once.
inline void crowd(int fibers, int plain, const std::function<void(int)>& body) {
    std::vector<std::thread> threads;
    std::vector<Thread> group;
    for (int i = 0; i < plain; ++i) threads.emplace_back(body, i);
    for (int i = 0; i < fibers; ++i) group.emplace_back(body, plain + i);
    for (auto& thread : group) thread.join();
    for (auto& thread : threads) thread.join();
}

// As crowd(), but fibers are cancelled at random as long as `goes_on()`; the bodies catch Cancelled.
inline void harried_crowd(int fibers, int plain, unsigned seed, const std::function<bool()>& goes_on,
                          const std::function<void(int)>& body) {
    std::vector<std::thread> threads;
    std::vector<Thread> group;
    for (int i = 0; i < plain; ++i) threads.emplace_back(body, i);
    for (int i = 0; i < fibers; ++i) group.emplace_back(body, plain + i);
    std::mt19937 random(seed);
    while (goes_on()) {
        group[random() % group.size()].cancel();
        yield();
    }
    for (auto& thread : group) thread.join();
    for (auto& thread : threads) thread.join();
}

// Gives way until `holds()`; for what is sure to come.
template <class Holds>
void until(Holds&& holds) {
    while (!holds()) yield();
}

// Time for others to do what they must not: a promise that something does not happen can only be broken.
inline void give_others_time() {
    for (int i = 0; i < 100; ++i) yield();
}

// The two kinds of thread there are, for tests that run once on each.
inline void on_a_fiber(const std::function<void()>& body) { Thread(body).join(); }
inline void on_a_plain_thread(const std::function<void()>& body) { std::thread(body).join(); }

}  // namespace thrum
