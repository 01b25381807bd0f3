// thrum/threads/local.cpp: floor 1, threads
// Each thread keeps its values in a table: a list in the order of making and, once it is long, a hash index
// over it. Each Local knows all its values, so that it can destroy them.
#include <thrum/base/errors.hpp>
#include <thrum/threads/internal/wait_list.hpp>
#include <thrum/threads/local.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace thrum::internal {

// What a Local and the entries of all tables share; freed by the last of them, so that no new Local can be
// taken for an old one.
struct LocalCore {
    Spin spin;
    LocalValue* first = nullptr;
    std::size_t ending = 0;     // values that their own threads are destroying
    WaitList waiters{"Local"};  // the Local's destructor, for those
    std::atomic<bool> gone = false;
    std::atomic<std::size_t> references = 1;

    void release() noexcept {
        if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }
};

class LocalTable {
public:
    static LocalTable& of(Task& task) {
        if (task.locals == nullptr) task.locals = new LocalTable;
        return *task.locals;
    }

    LocalValue* find(const LocalCore* core) const noexcept {
        const std::size_t place = place_of(core);
        return place == nowhere ? nullptr : entries_[place].value;
    }
    void add(LocalCore& core, std::unique_ptr<LocalValue> value);
    void remove(const LocalCore* core) noexcept;
    void end() noexcept;

    void begin_making(LocalBase::Making& making);
    void end_making(LocalBase::Making& making) noexcept { making_ = making.outer_; }

private:
    struct Entry {
        LocalCore* core;  // nullptr: a hole
        LocalValue* value;
    };

    static constexpr std::size_t nowhere = ~std::size_t{0};
    static constexpr std::size_t few = 8;  // so many are looked through without an index
    // More values than this, made by the destructors of a thread's other values, are no accident.
    static constexpr std::size_t most_made_at_end = 1000;

    std::size_t place_of(const LocalCore* core) const noexcept;
    std::size_t slot_of(const LocalCore* core) const noexcept;
    void tidy();
    void note(std::size_t place) noexcept;
    static void destroy(Entry entry) noexcept;

    std::vector<Entry> entries_;        // the oldest first
    std::vector<std::uint32_t> index_;  // places in entries_ plus one, found by hashing; 0 is free
    std::size_t room_ = few;            // so many more before the next tidy()
    LocalBase::Making* making_ = nullptr;
};

std::size_t LocalTable::slot_of(const LocalCore* core) const noexcept {
    // Fibonacci hashing (Knuth, volume 3, 6.4): the top bits of the product are spread best.
    const auto product =
        static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(core)) * 0x9E3779B97F4A7C15U;
    return static_cast<std::size_t>(product >> 32) & (index_.size() - 1);
}

std::size_t LocalTable::place_of(const LocalCore* core) const noexcept {
    if (index_.empty()) {
        for (std::size_t place = 0; place < entries_.size(); ++place) {
            if (entries_[place].core == core) return place;
        }
        return nowhere;
    }
    for (std::size_t slot = slot_of(core); index_[slot] != 0; slot = (slot + 1) & (index_.size() - 1)) {
        const std::size_t place = index_[slot] - 1;
        if (place < entries_.size() && entries_[place].core == core) return place;
    }
    return nowhere;
}

void LocalTable::note(std::size_t place) noexcept {
    if (index_.empty()) return;
    std::size_t slot = slot_of(entries_[place].core);
    while (index_[slot] != 0) slot = (slot + 1) & (index_.size() - 1);
    index_[slot] = static_cast<std::uint32_t>(place + 1);
}

// Drops the holes and what belongs to Locals that are gone, and makes room for as many as are left.
void LocalTable::tidy() {
    index_.clear();
    std::erase_if(entries_, [](const Entry& entry) {
        if (entry.core != nullptr && !entry.core->gone.load(std::memory_order_acquire)) return false;
        if (entry.core != nullptr) entry.core->release();
        return true;
    });
    const std::size_t left = std::max(entries_.size(), few);
    if (entries_.size() * 2 > few) index_.resize(std::bit_ceil(left * 4));
    room_ = left;
    for (std::size_t place = 0; place < entries_.size(); ++place) note(place);
}

void LocalTable::add(LocalCore& core, std::unique_ptr<LocalValue> value) {
    if (room_ == 0) tidy();
    entries_.push_back({&core, value.get()});
    --room_;
    note(entries_.size() - 1);
    core.references.fetch_add(1, std::memory_order_relaxed);
    LocalValue* const kept = value.release();
    SpinGuard guard(core.spin);
    kept->next = core.first;
    if (core.first != nullptr) core.first->previous = kept;
    core.first = kept;
}

void LocalTable::remove(const LocalCore* core) noexcept {
    const std::size_t place = place_of(core);
    if (place == nowhere) return;
    destroy(std::exchange(entries_[place], Entry{nullptr, nullptr}));
}

// Destroying a value may make others, which are then destroyed before those that were there.
void LocalTable::end() noexcept {
    std::size_t allowed = entries_.size() + most_made_at_end;
    while (!entries_.empty()) {
        const Entry entry = entries_.back();
        entries_.pop_back();
        if (entry.core == nullptr) continue;
        if (allowed-- == 0) {
            std::fputs("thrum: the destructors of a thread's Local values make new ones without end\n",
                       stderr);
            std::abort();
        }
        destroy(entry);
    }
}

// By the value's own thread, out of whose table the entry has been taken.
void LocalTable::destroy(Entry entry) noexcept {
    LocalCore& core = *entry.core;
    SpinGuard guard(core.spin);
    if (!core.gone.load(std::memory_order_relaxed)) {  // else the Local has destroyed it
        LocalValue& value = *entry.value;
        (value.previous != nullptr ? value.previous->next : core.first) = value.next;
        if (value.next != nullptr) value.next->previous = value.previous;
        ++core.ending;
        guard.unlock();
        delete &value;
        guard.lock(core.spin);
        if (--core.ending == 0) core.waiters.wake_all();
    }
    guard.unlock();
    core.release();
}

void LocalTable::begin_making(LocalBase::Making& making) {
    for (const LocalBase::Making* other = making_; other != nullptr; other = other->outer_) {
        if (other->core_ == making.core_) {
            throw Error("cannot make a thread's value of a Local: its initialiser uses the same Local");
        }
    }
    making.outer_ = making_;
    making_ = &making;
}

LocalBase::Making::Making(LocalBase& local) : core_(local.core_) {
    LocalTable::of(current_task()).begin_making(*this);
}

LocalBase::Making::~Making() { current_task().locals->end_making(*this); }

LocalValue& LocalBase::Making::keep(std::unique_ptr<LocalValue> value) {
    LocalValue& kept = *value;
    current_task().locals->add(*core_, std::move(value));
    return kept;
}

LocalBase::LocalBase() : core_(new LocalCore) {}

LocalBase::~LocalBase() {
    SpinGuard guard(core_->spin);
    core_->gone.store(true, std::memory_order_release);
    LocalValue* value = std::exchange(core_->first, nullptr);
    guard.unlock();
    while (value != nullptr) delete std::exchange(value, value->next);
    guard.lock(core_->spin);
    if (core_->ending > 0) wait_on(core_->waiters, core_->spin, guard, current_task(), never, true);
    guard.unlock();
    core_->release();
}

LocalValue* LocalBase::find() const noexcept {
    const LocalTable* const table = current_task().locals;
    return table == nullptr ? nullptr : table->find(core_);
}

void LocalBase::reset() noexcept {
    if (LocalTable* const table = current_task().locals) table->remove(core_);
}

void end_locals(Task& task) noexcept {
    task.locals->end();
    delete std::exchange(task.locals, nullptr);
}

}  // namespace thrum::internal
