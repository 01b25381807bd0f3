// thrum/threads/excepthook.cpp: floor 1, threads
#include <thrum/threads/excepthook.hpp>
#include <thrum/threads/internal/spin.hpp>
#include <thrum/threads/internal/uncaught.hpp>

#include <cstdio>
#include <memory>
#include <utility>

namespace thrum {

namespace {

using Hook = std::function<void(const UncaughtException&)>;

struct Place {
    internal::Spin spin;
    std::shared_ptr<const Hook> hook;
};

Place& place() {
    static Place* const instance = new Place;  // detached threads may end late
    return *instance;
}

void print(const char* where, const std::string& name, const std::exception_ptr& error) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& known) {
        std::fprintf(stderr, "Exception in %s%s: %s\n", where, name.c_str(), known.what());
    } catch (...) {  // reported, not handled: there is nobody further out
        std::fprintf(stderr, "Exception in %s%s: not a std::exception\n", where, name.c_str());
    }
}

}  // namespace

void set_excepthook(Hook hook) {
    auto fresh = hook ? std::make_shared<const Hook>(std::move(hook)) : nullptr;
    const internal::SpinGuard guard(place().spin);
    place().hook.swap(fresh);
}

void internal::report_uncaught(std::uint64_t id, std::string name, const std::exception_ptr& error) noexcept {
    std::shared_ptr<const Hook> hook;
    {
        const SpinGuard guard(place().spin);
        hook = place().hook;
    }
    if (hook != nullptr) {
        try {
            return (*hook)({id, name, error});
        } catch (...) {  // the last stop of every exception, Cancelled included
            print("the excepthook of thread ", name, std::current_exception());
        }
    }
    print("thread ", name, error);
}

void internal::report_initializer(const std::string& pool, const std::string& why) noexcept {
    std::fprintf(stderr, "Exception in the initializer of %s: %s\n", pool.c_str(), why.c_str());
}

}  // namespace thrum
