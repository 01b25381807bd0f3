// thrum/threads/internal/model/world.hpp: floor 1, threads
// One schedule of one scenario: threads of the model, which take turns in a single operating-system thread,
// the objects they share, their clock, and whatever must hold in the end.
#pragma once

#include <thrum/threads/deadline.hpp>
#include <thrum/threads/internal/atomic.hpp>
#include <thrum/threads/internal/context.hpp>
#include <thrum/threads/internal/model/choice.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/task.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace thrum::internal::model {

class World;

struct Scenario {
    const char* name;
    void (*build)(World& world);
    int ticks = 0;  // how often time may pass while others could still run
};

// A thread of the model: what the operating system would schedule.
struct ModelThread {
    enum class State : unsigned char { ready, paused, blocked, finished };

    State state = State::ready;
    bool daemon = false;         // a worker: the schedule ends without it
    bool woken = false;          // out of a futex
    std::uint64_t seen = 0;      // the version of the world at its last step
    const void* word = nullptr;  // blocked on this futex
    const bool* flag = nullptr;  // blocked until this is set
    Deadline deadline = never;   // or until then
    model::Place place{"", 0};   // of its last step
    const char* doing = "start";
    Worker* worker = nullptr;  // Worker::current() while it does not run
    Context* here = nullptr;   // where it goes on
    std::optional<Context> context;
    std::optional<Task> task;
    std::function<void()> body;
    std::vector<LateStore> late;  // its stores that others do not see yet
    std::string name;
};

// How soon a store is seen by other threads.
enum class Stores : unsigned char { at_once, late };

class World {
public:
    explicit World(const Scenario& scenario, Stores stores = Stores::at_once);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // ---- for scenarios

    // An object that lives to the end of the schedule, or until destroy().
    template <class T, class... Arguments>
    T& make(const char* name, Arguments&&... arguments) {
        // NOLINTBEGIN(bugprone-sizeof-expression): T may be a pointer
        void* const place = reserve(sizeof(T), alignof(T), name);
        T* const made = ::new (place) T(std::forward<Arguments>(arguments)...);
        objects_.push_back({made, sizeof(T), [](void* object) { static_cast<T*>(object)->~T(); }});
        // NOLINTEND(bugprone-sizeof-expression)
        return *made;
    }
    // From here on nobody may touch it.
    template <class T>
    void destroy(T& object) {
        bury(&object);
    }
    void thread(std::function<void()> body, const char* name = "T");
    // The runtime with so many workers, for scenarios with fibers.
    void workers(int count);
    void at_end(std::function<void()> check) { at_end_.push_back(std::move(check)); }
    void check(bool holds, const char* what) {
        if (!holds) fail(what);
    }
    // An instant that choosing to let time pass `ticks` times goes beyond.
    Deadline after(int ticks) const noexcept;

    // ---- for the explorer

    // True when everything that must hold did; else failure() says why.
    bool run(Choice& choice);
    const std::string& failure() const noexcept { return failure_; }
    std::string trace() const;
    void keep_trace(bool live) {
        tracing_ = true;
        live_ = live;
    }

    // ---- for what stands in for the operating system

    static World* current() noexcept { return current_; }
    Runtime& runtime() noexcept { return *runtime_; }
    Task& task() noexcept { return *running_->task; }
    Deadline now() const noexcept { return now_; }
    void step(const void* at, const char* operation, Place place, bool fence) noexcept;
    void defer(const LateStore& store) noexcept;
    const LateStore* deferred(const void* at) const noexcept;
    void forget(const void* at) noexcept;
    void done(std::uint64_t value, bool changed) noexcept;
    bool spurious() noexcept { return running_ != nullptr && choice_->spurious(); }
    std::size_t draw(std::size_t options) noexcept;
    void pause() noexcept;
    // Memory for what is counted by reference; freed for good when the schedule is over.
    void* take_block(std::size_t size);
    void give_block(void* block) noexcept;
    void futex_wait(const void* word, bool as_expected, Deadline deadline) noexcept;
    void futex_wake(const void* word) noexcept;
    void wait_for_flag(bool& flag, Deadline deadline) noexcept;
    void fail(const std::string& what) noexcept;

private:
    struct Object {
        void* at;
        std::size_t size;
        void (*destroy)(void*);
    };
    struct Name {
        const char* begin;
        const char* end;
        std::string name;
    };
    struct Entry {
        const ModelThread* thread;
        const char* operation;
        Place place;
        const void* at;
        std::uint64_t value;
        bool changed;
    };

    static void enter(Context& self);
    void* reserve(std::size_t size, std::size_t alignment, const char* name);
    void bury(void* at);
    void block(const char* doing) noexcept;
    bool enabled(const ModelThread& thread) const noexcept;
    // Who runs next: the running thread, if `may_stay`, or another; lets time pass on the way.
    void decide(bool may_stay) noexcept;
    ModelThread* pick(bool may_stay) noexcept;
    // Others see one of the thread's late stores; all of them.
    void let_one_be_seen(ModelThread& thread) noexcept;
    void let_all_be_seen(ModelThread& thread) noexcept;
    bool pass_time_at_rest() noexcept;
    void resume(ModelThread* next) noexcept;
    void settle();
    void check_sleepers();
    std::string stuck() const;
    std::string name_of(const void* at) const;
    std::string format(const Entry& entry) const;
    void show();

    static World* current_;

    const Scenario& scenario_;
    Choice* choice_ = nullptr;
    Context main_;
    std::vector<std::unique_ptr<ModelThread>> threads_;
    ModelThread* running_ = nullptr;
    std::uint64_t version_ = 1;
    std::uint64_t steps_ = 0;
    Deadline now_;
    int ticks_left_;
    std::unique_ptr<Runtime> runtime_;
    std::vector<Object> objects_;
    std::vector<Object> dead_;
    std::vector<Object> blocks_;
    std::vector<Name> names_;
    std::vector<std::function<void()>> at_end_;
    std::size_t reserved_ = 0;
    bool failed_ = false;
    bool tracing_ = false;
    bool live_ = false;
    std::string failure_;
    std::vector<Entry> entries_;
    std::size_t shown_ = 0;
};

}  // namespace thrum::internal::model
