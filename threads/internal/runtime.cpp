// thrum/threads/internal/runtime.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/base/text.hpp>
#include <thrum/threads/internal/direct_files.hpp>
#include <thrum/threads/internal/forked.hpp>
#include <thrum/threads/internal/monitor.hpp>
#include <thrum/threads/internal/os_thread.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/signals.hpp>
#include <thrum/threads/internal/stall.hpp>
#include <thrum/threads/internal/unwind.hpp>
#include <thrum/threads/runtime.hpp>

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

namespace thrum::internal {

namespace {

constexpr std::size_t most_workers = 256;

std::size_t wanted_workers() {
    if (const char* const text = std::getenv("THRUM_WORKERS"); text != nullptr && *text != '\0') {
        const auto number = parse_unsigned(text);
        if (number && *number >= 1 && *number <= most_workers) return *number;
        std::fprintf(stderr, "thrum: THRUM_WORKERS=%s is not a number from 1 to %zu; ignored\n", text,
                     most_workers);
    }
    cpu_set_t set;
    const int usable = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return std::clamp<std::size_t>(static_cast<std::size_t>(usable), 1, most_workers);
}

// One reactor for each worker, all of one kind: epoll, or io_uring where that was asked for and the kernel
// does not refuse it. epoll is told of a descriptor once, io_uring at each wait, which shows where a thousand
// descriptors wait in turn (benchmarks/RESULTS.md).
std::vector<std::unique_ptr<Reactor>> make_reactors(std::size_t count) {
    const char* const text = std::getenv("THRUM_REACTOR");
    const std::string_view wanted = text == nullptr ? "" : text;
    if (!wanted.empty() && wanted != "epoll" && wanted != "io_uring") {
        std::fprintf(stderr, "thrum: THRUM_REACTOR=%s is neither io_uring nor epoll; ignored\n", text);
    }
    std::vector<std::unique_ptr<Reactor>> reactors;
    if (wanted == "io_uring") {
        while (reactors.size() < count) {
            auto reactor = make_uring_reactor();
            if (reactor == nullptr) break;
            reactors.push_back(std::move(reactor));
        }
        if (reactors.size() == count) return reactors;
        reactors.clear();
    }
    while (reactors.size() < count) reactors.push_back(make_epoll_reactor());
    return reactors;
}

}  // namespace

namespace {
std::atomic<Runtime*> the_runtime = nullptr;
}

Runtime* Runtime::started() noexcept { return the_runtime.load(std::memory_order_acquire); }

Runtime& Runtime::get() {
    not_after_fork("start or await threads");
    static Runtime* const runtime = [] {
        std::unique_ptr<Runtime> unstarted(new Runtime);
        unstarted->start_workers();
        Runtime* const made = unstarted.release();  // from here on its workers run
        the_runtime.store(made, std::memory_order_release);
        start_monitor();
        watch_for_forks();
        dump_on_signal_of_environment();
        return made;
    }();
    return *runtime;
}

Runtime::Runtime() {
    auto reactors = make_reactors(wanted_workers());
    reactor_name_ = reactors.front()->name();
    for (std::size_t i = 0; i < reactors.size(); ++i) {
        workers_.push_back(std::make_unique<Worker>(*this, std::move(reactors[i])));
    }
}

void Runtime::start_workers() {
    watch_for_overflow();
    // Signals are for the program's own threads, but for the faults of the code that runs here.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, unwind_signal()})
        ::sigdelset(&all, fault);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::size_t started = 0;
    int refused = 0;
    while (started < workers_.size() && refused == 0) {
        try {
            std::thread thread([this, worker = workers_[started].get()] {
                ready_.wait(false);  // until the list of workers is final
                worker->set_os_id(own_os_id());
                prepare_for_overflow();
                worker->run();
            });
            ::pthread_setname_np(thread.native_handle(), ("thrum-" + std::to_string(started)).c_str());
            thread.detach();
            ++started;
        } catch (const std::system_error& error) {
            refused = error.code().value();
        }
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (started == 0) throw_os_error(refused, "cannot start the threads that run thrum's threads");
    workers_.resize(started);
    ready_.store(true);
    ready_.notify_all();
}

}  // namespace thrum::internal

namespace thrum {

std::string_view reactor_name() { return internal::Runtime::get().reactor_name(); }
std::size_t worker_count() { return internal::Runtime::get().worker_count(); }

RuntimeStatistics runtime_statistics() {
    RuntimeStatistics sum;
    const internal::Runtime* const runtime = internal::Runtime::started();
    if (runtime == nullptr) return sum;
    for (const auto& worker : runtime->workers()) {
        const internal::Counters& counters = worker->counters();
        sum.started += counters.started.get();
        sum.live += worker->live();
        sum.switches += counters.switches.get();
        sum.parks += counters.parks.get();
        sum.steals += counters.stolen.get();
        sum.arrived += counters.arrived.get();
        sum.polls += counters.polls.get();
    }
    const internal::StackStatistics stacks = internal::stack_statistics();
    sum.stalls = internal::stalls_seen.load(std::memory_order_relaxed);
    sum.stacks = stacks.mapped;
    sum.guarded_stacks = stacks.guarded;
    sum.direct_descriptors = internal::DirectFiles::count();
    sum.deepest_stack_bytes = internal::deepest_stack();
    return sum;
}

}  // namespace thrum
