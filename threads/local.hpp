// thrum/threads/local.hpp: floor 1, threads
// Local<T>: one variable, a value of its own for every thread, fibers and plain threads alike.
#pragma once

#include <functional>
#include <memory>
#include <utility>

namespace thrum {

namespace internal {

struct LocalCore;

// A thread's value of one Local, in the list of all its values.
struct LocalValue {
    LocalValue() noexcept = default;
    LocalValue(const LocalValue&) = delete;
    LocalValue& operator=(const LocalValue&) = delete;
    virtual ~LocalValue() = default;

    LocalValue* previous = nullptr;
    LocalValue* next = nullptr;
};

// The part of Local<T> that does not depend on T.
class LocalBase {
public:
    LocalBase(const LocalBase&) = delete;
    LocalBase& operator=(const LocalBase&) = delete;

    // Destroys the calling thread's value, if it has one; the next use makes a new one.
    void reset() noexcept;

protected:
    LocalBase();
    ~LocalBase();

    // While it stands, the calling thread's initialiser runs.
    class Making {
    public:
        // Throws Error where it runs already: it would never end.
        explicit Making(LocalBase& local);
        ~Making();
        Making(const Making&) = delete;
        Making& operator=(const Making&) = delete;
        LocalValue& keep(std::unique_ptr<LocalValue> value);

    private:
        friend class LocalTable;
        LocalCore* core_;
        Making* outer_ = nullptr;
    };

    // The calling thread's value, or nullptr.
    LocalValue* find() const noexcept;

private:
    friend class LocalTable;
    LocalCore* core_;
};

}  // namespace internal

// Python's threading.local, for one variable, and C++'s thread_local, which all fibers of a worker would
// share. The first use in each thread makes the value; it is destroyed when that thread ends, before join()
// returns, the newest of the thread's values first. Finding it costs the same however many Locals there are.
//
// Thread-safe, but for the destructor: it destroys the values of all threads, which must use them no more,
// and waits for those whose threads are ending just now; no destructor of a value may call it. So a Local
// that threads use until the process exits is made by `new` and never deleted. A value made so late that its
// plain thread's own thread_locals are being destroyed already is never destroyed.
template <class T>
class Local : public internal::LocalBase {
public:
    // Each value is T().
    Local() : make_([] { return T(); }) {}
    // Each value is make(), called by the thread that needs it, at the same time as others may. What it
    // throws passes, and the next use calls it again.
    explicit Local(std::function<T()> make) : make_(std::move(make)) {}

    // The calling thread's own value, made now if need be; a reference to it holds until that thread ends,
    // reset() or the Local's destructor. Throws what the initialiser does; Error when the initialiser uses
    // this same Local.
    T& get() {
        if (internal::LocalValue* const found = find()) return static_cast<Value*>(found)->value;
        Making making(*this);
        return static_cast<Value&>(making.keep(std::make_unique<Value>(make_))).value;
    }
    T& operator*() { return get(); }
    T* operator->() { return &get(); }
    // The calling thread's value if it has one, else nullptr.
    T* get_if() noexcept {
        internal::LocalValue* const found = find();
        return found == nullptr ? nullptr : &static_cast<Value*>(found)->value;
    }

private:
    struct Value final : internal::LocalValue {
        explicit Value(const std::function<T()>& make) : value(make()) {}
        T value;
    };

    std::function<T()> make_;
};

}  // namespace thrum
