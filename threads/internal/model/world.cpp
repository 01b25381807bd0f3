// thrum/threads/internal/model/world.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/model/access.hpp>
#include <thrum/threads/internal/model/stacks.hpp>
#include <thrum/threads/internal/model/world.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace thrum::internal::model {

namespace {

constexpr std::chrono::nanoseconds tick = std::chrono::milliseconds(1);
constexpr Deadline beginning{std::chrono::seconds(1)};
constexpr std::size_t most_threads = 8;
constexpr std::uint64_t most_steps = 50'000;  // in one schedule; beyond, it is taken never to end
constexpr std::size_t shared_bytes = 64 * 1024;
constexpr unsigned char poison = 0xdb;
constexpr std::size_t most_late_stores = 8;  // of one thread; then the first is seen
constexpr std::size_t longest_trace = 400;   // the last steps, which are the ones that tell

alignas(64) std::array<char, shared_bytes> shared;

// In order of making, so that the end of a name is its number.
std::string numbered(const char* name, std::size_t number) { return name + std::to_string(number); }

}  // namespace

World* World::current_ = nullptr;

World::World(const Scenario& scenario, Stores stores)
    : scenario_(scenario), now_(beginning), ticks_left_(scenario.ticks) {
    current_ = this;
    stores_are_late = stores == Stores::late;
    ++schedule;
    recycle_stacks();
}

World::~World() {
    current_ = nullptr;
    stores_are_late = false;
    for (const Object& object : dead_) {
        if (object.destroy != nullptr) continue;
#if defined(__SANITIZE_ADDRESS__)
        ASAN_UNPOISON_MEMORY_REGION(object.at, object.size);
#endif
        std::free(object.at);
    }
    // What a failed schedule left behind is in no state to be destroyed.
    if (failed_) static_cast<void>(runtime_.release());
}

Deadline World::after(int ticks) const noexcept { return beginning + ticks * tick - tick / 2; }

void* World::reserve(std::size_t size, std::size_t alignment, const char* name) {
    reserved_ = (reserved_ + alignment - 1) / alignment * alignment;
    if (reserved_ + size > shared.size()) std::abort();
    char* const place = shared.data() + reserved_;
    reserved_ += size;
#if defined(__SANITIZE_ADDRESS__)
    ASAN_UNPOISON_MEMORY_REGION(place, size);
#endif
    names_.push_back({place, place + size, name});
    return place;
}

void World::bury(void* at) {
    const auto found = std::find_if(objects_.begin(), objects_.end(),
                                    [at](const Object& object) { return object.at == at; });
    if (found == objects_.end()) return fail("destroyed twice");
    const Object object = *found;
    objects_.erase(found);
    if (running_ != nullptr) let_all_be_seen(*running_);
    object.destroy(at);
    std::memset(at, poison, object.size);
    dead_.push_back(object);
#if defined(__SANITIZE_ADDRESS__)
    ASAN_POISON_MEMORY_REGION(at, object.size);
#endif
}

void* World::take_block(std::size_t size) {
    auto* const place = static_cast<char*>(std::malloc(size));
    if (place == nullptr) std::abort();
    blocks_.push_back({place, size, nullptr});
    names_.push_back({place, place + size, "block"});
    return place;
}

void World::give_block(void* block) noexcept {
    const auto found = std::find_if(blocks_.begin(), blocks_.end(),
                                    [block](const Object& other) { return other.at == block; });
    if (found == blocks_.end()) return fail("a block was freed twice");
    const Object object = *found;
    blocks_.erase(found);
    std::memset(block, poison, object.size);
    dead_.push_back(object);
#if defined(__SANITIZE_ADDRESS__)
    ASAN_POISON_MEMORY_REGION(block, object.size);
#endif
}

void World::thread(std::function<void()> body, const char* name) {
    if (threads_.size() == most_threads) std::abort();
    auto& thread = *threads_.emplace_back(std::make_unique<ModelThread>());
    thread.name = numbered(name, threads_.size());
    thread.body = std::move(body);
    const Stack stack = allocate_stack(0);
    thread.context.emplace(stack.base, stack.top(), &World::enter);
    thread.here = &*thread.context;
    thread.task.emplace(false);
    thread.task->id = threads_.size();
    const auto* const task = reinterpret_cast<const char*>(&*thread.task);
    names_.push_back({task, task + sizeof(Task), thread.name + "'s word"});
}

void World::workers(int count) {
    runtime_ = ModelAccess::make_runtime(count);
    for (auto& worker : ModelAccess::workers(*runtime_)) {
        const auto* const begin = reinterpret_cast<const char*>(worker.get());
        thread([&worker] { worker->run(); }, "W");
        names_.push_back({begin, begin + sizeof(Worker), threads_.back()->name});
        threads_.back()->daemon = true;
    }
    const auto* const begin = reinterpret_cast<const char*>(runtime_.get());
    names_.push_back({begin, begin + sizeof(Runtime), "runtime"});
}

void World::enter(Context&) {
    World& world = *current_;
    ModelThread& self = *world.running_;
    try {
        self.body();
    } catch (const std::exception& error) {
        world.fail(std::string("an exception left a thread: ") + error.what());
    } catch (const Cancelled&) {
        world.fail("Cancelled left a thread");
    }
    self.state = ModelThread::State::finished;
    world.decide(false);
    std::abort();  // nobody resumes a finished thread
}

bool World::enabled(const ModelThread& thread) const noexcept {
    switch (thread.state) {
        case ModelThread::State::ready: return true;
        case ModelThread::State::paused: return thread.seen != version_;
        case ModelThread::State::blocked:
            return thread.woken || (thread.flag != nullptr && *thread.flag) || thread.deadline <= now_;
        case ModelThread::State::finished: break;
    }
    return false;
}

ModelThread* World::pick(bool may_stay) noexcept {
    for (;;) {
        std::array<ModelThread*, most_threads> options;
        std::size_t count = 0;
        if (may_stay) options[count++] = running_;
        for (const auto& thread : threads_) {
            if ((!may_stay || thread.get() != running_) && enabled(*thread)) options[count++] = thread.get();
        }
        std::array<ModelThread*, most_threads> storing;
        std::size_t stores = 0;
        for (const auto& thread : threads_) {
            if (!thread->late.empty()) storing[stores++] = thread.get();
        }
        const std::size_t chosen =
            choice_->pick(std::max<std::size_t>(count + stores + (ticks_left_ > 0 ? 1 : 0), 1), !may_stay);
        if (chosen < count) return options[chosen];
        if (chosen < count + stores) {
            let_one_be_seen(*storing[chosen - count]);
            continue;
        }
        if (ticks_left_ == 0) return nullptr;
        --ticks_left_;
        now_ += tick;
        if (tracing_) entries_.push_back({nullptr, "a millisecond passes", {"", 0}, nullptr, 0, false});
    }
}

// Nobody can go on and no choice is left. True where a deadline of somebody who waits is still to come.
bool World::pass_time_at_rest() noexcept {
    check_sleepers();
    const bool over = std::all_of(threads_.begin(), threads_.end(), [](const auto& thread) {
        return thread->daemon || thread->state == ModelThread::State::finished;
    });
    if (over) return false;
    Deadline soonest = never;
    for (const auto& thread : threads_) {
        if (thread->state == ModelThread::State::blocked) soonest = std::min(soonest, thread->deadline);
    }
    if (soonest == never) return false;
    now_ = soonest;
    if (tracing_) entries_.push_back({nullptr, "time passes", {"", 0}, nullptr, 0, false});
    return true;
}

void World::decide(bool may_stay) noexcept {
    ModelThread* next = pick(may_stay);
    while (next == nullptr && pass_time_at_rest()) next = pick(false);
    resume(next);
}

void World::resume(ModelThread* next) noexcept {
    if (next == running_) return;
    Context* from = &main_;
    Worker*& worker = ModelAccess::current();
    if (running_ != nullptr) {
        running_->worker = worker;
        from = worker != nullptr ? ModelAccess::here(*worker) : &*running_->context;
        running_->here = from;
    }
    running_ = next;
    worker = next == nullptr ? nullptr : next->worker;
    Context::switch_to(*from, next == nullptr ? main_ : *next->here);
}

void World::defer(const LateStore& store) noexcept {
    if (running_ == nullptr) return store.apply(store.at, store.value);
    if (running_->late.size() == most_late_stores) let_one_be_seen(*running_);
    running_->late.push_back(store);
}

const LateStore* World::deferred(const void* at) const noexcept {
    if (running_ == nullptr) return nullptr;
    const auto found = std::find_if(running_->late.rbegin(), running_->late.rend(),
                                    [at](const LateStore& store) { return store.at == at; });
    return found == running_->late.rend() ? nullptr : &*found;
}

void World::forget(const void* at) noexcept {
    for (const auto& thread : threads_) {
        const auto gone =
            std::erase_if(thread->late, [at](const LateStore& store) { return store.at == at; });
        if (gone > 0 && thread.get() != running_ && running_ != nullptr)
            fail("a store of " + thread->name + " is on its way to " + name_of(at) + ", which is destroyed");
    }
}

// The first, or a relaxed one that overtakes others, but none to the same atomic.
void World::let_one_be_seen(ModelThread& thread) noexcept {
    auto& late = thread.late;
    std::size_t last = choice_->pick(late.size(), true);
    for (std::size_t i = 0; i < last;) {
        const bool before = late[last].release || late[i].at == late[last].at;
        if (before) last = i;
        i = before ? 0 : i + 1;
    }
    const LateStore store = late[last];
    late.erase(late.begin() + static_cast<std::ptrdiff_t>(last));
    store.apply(store.at, store.value);
    ++version_;
    if (tracing_) entries_.push_back({&thread, "is seen to store", {"", 0}, store.at, store.value, true});
}

void World::let_all_be_seen(ModelThread& thread) noexcept {
    while (!thread.late.empty()) let_one_be_seen(thread);
}

void World::step(const void* at, const char* operation, Place place, bool fence) noexcept {
    if (running_ == nullptr) return;
    running_->place = place;
    running_->doing = operation;
    if (++steps_ > most_steps) fail("the schedule does not end");
    if (choice_->interrupts()) decide(true);
    if (fence) let_all_be_seen(*running_);
    for (const Object& object : dead_) {
        const auto* const begin = static_cast<const char*>(object.at);
        if (at >= begin && at < begin + object.size) fail(name_of(at) + " is touched after it was destroyed");
    }
    running_->seen = version_;
    if (tracing_) {
        if (live_) show();
        entries_.push_back({running_, operation, place, at, 0, false});
    }
}

void World::done(std::uint64_t value, bool changed) noexcept {
    if (running_ == nullptr) return;
    if (changed) running_->seen = ++version_;
    if (tracing_) {
        entries_.back().value = value;
        entries_.back().changed = changed;
    }
}

std::size_t World::draw(std::size_t options) noexcept {
    return running_ == nullptr ? 0 : choice_->pick(options, false);  // to a search as dear as a preemption
}

void World::pause() noexcept {
    if (running_ == nullptr) {
        std::fputs("a Spin or Lock was left held when all had ended\n", stderr);
        std::abort();
    }
    if (running_->seen != version_) return;
    running_->state = ModelThread::State::paused;
    running_->doing = "spin";
    decide(false);
    running_->state = ModelThread::State::ready;
}

void World::block(const char* doing) noexcept {
    ModelThread& self = *running_;
    self.state = ModelThread::State::blocked;
    self.doing = doing;
    decide(false);
    self.state = ModelThread::State::ready;
    self.woken = false;
    self.word = nullptr;
    self.flag = nullptr;
    self.deadline = never;
}

void World::futex_wait(const void* word, bool as_expected, Deadline deadline) noexcept {
    if (!as_expected || spurious()) return;
    running_->word = word;
    running_->deadline = deadline;
    block("futex_wait");
}

void World::futex_wake(const void* word) noexcept {
    for (const auto& thread : threads_) {
        if (thread->state == ModelThread::State::blocked && thread->word == word && !thread->woken) {
            thread->woken = true;
            return;
        }
    }
}

void World::wait_for_flag(bool& flag, Deadline deadline) noexcept {
    if (!flag && deadline > now_) {
        running_->flag = &flag;
        running_->deadline = deadline;
        block("poll");
    }
    flag = false;
}

void World::fail(const std::string& what) noexcept {
    if (!failed_) failure_ = what;
    failed_ = true;
    if (live_) show();
    if (running_ != nullptr) resume(nullptr);  // for good
}

// A worker that sleeps has nothing to do. Asked only when nobody can go on, for a nudge may be on its way.
void World::check_sleepers() {
    if (runtime_ == nullptr) return;
    for (const auto& worker : ModelAccess::workers(*runtime_)) {
        if (!ModelAccess::inbox_empty(*worker)) fail("a worker sleeps although its inbox is not empty");
        if (!ModelAccess::ready_empty(*worker)) fail("a worker sleeps although a fiber is ready");
    }
}

bool World::run(Choice& choice) {
    choice_ = &choice;
    scenario_.build(*this);
    decide(false);
    if (!failed_) settle();
    return !failed_;
}

void World::settle() {
    const bool over = std::all_of(threads_.begin(), threads_.end(), [](const auto& thread) {
        return thread->daemon || thread->state == ModelThread::State::finished;
    });
    if (!over) return fail(stuck());
    for (const auto& check : at_end_) check();
    if (failed_) return;
    while (!objects_.empty()) {
        objects_.back().destroy(objects_.back().at);
        objects_.pop_back();
    }
    if (!blocks_.empty()) fail("what is counted by reference was never freed");
#if !defined(__SANITIZE_ADDRESS__)  // which watches the memory itself
    for (const Object& object : dead_) {
        const auto* const bytes = static_cast<const unsigned char*>(object.at);
        if (std::any_of(bytes, bytes + object.size, [](unsigned char byte) { return byte != poison; }))
            fail(name_of(bytes) + " was written to after it was destroyed");
    }
#endif
}

std::string World::stuck() const {
    std::string text = "nobody can go on:";
    for (const auto& thread : threads_) {
        if (thread->state == ModelThread::State::finished) continue;
        text += ' ' + thread->name + " in " + thread->doing + " (" + thread->place.file + ':' +
                std::to_string(thread->place.line) + ");";
    }
    return text;
}

std::string World::name_of(const void* at) const {
    const auto* const byte = static_cast<const char*>(at);
    for (const Name& name : names_) {
        if (byte < name.begin || byte >= name.end) continue;
        return byte == name.begin ? name.name : name.name + '+' + std::to_string(byte - name.begin);
    }
    char text[32];
    std::snprintf(text, sizeof text, "%p", at);
    return text;
}

std::string World::format(const Entry& entry) const {
    if (entry.thread == nullptr) return std::string("      ") + entry.operation;
    std::string_view file = entry.place.file;
    file.remove_prefix(std::min(file.size(), file.rfind('/') + 1));
    char text[256];
    std::snprintf(text, sizeof text, "  %-3s %s:%d  %s  %s -> %#llx%s", entry.thread->name.c_str(),
                  file.data(), entry.place.line, entry.operation, name_of(entry.at).c_str(),
                  static_cast<unsigned long long>(entry.value), entry.changed ? " (changed)" : "");
    return text;
}

// Each step once its outcome is known, so that a crash leaves the trace behind.
void World::show() {
    for (; shown_ < entries_.size(); ++shown_) std::fprintf(stderr, "%s\n", format(entries_[shown_]).c_str());
}

std::string World::trace() const {
    std::string text;
    const std::size_t first = entries_.size() - std::min(entries_.size(), longest_trace);
    for (std::size_t i = first; i < entries_.size(); ++i) text += format(entries_[i]) + '\n';
    return text;
}

}  // namespace thrum::internal::model
