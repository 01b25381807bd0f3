// thrum/threads/internal/io_handle.cpp: floor 1, threads
#include <thrum/threads/internal/io_handle.hpp>

namespace thrum::internal {

namespace {

struct Handles {
    Spin spin;
    IoHandle* free = nullptr;
};

Handles& handles() noexcept {
    static Handles* const instance = new Handles;
    return *instance;
}

constexpr std::size_t handles_per_block = 64;

}  // namespace

IoHandle* allocate_handle() {
    Handles& all = handles();
    {
        SpinGuard guard(all.spin);
        if (all.free != nullptr) {
            IoHandle* const handle = all.free;
            all.free = handle->next_free;
            return handle;
        }
    }
    auto* const block = new IoHandle[handles_per_block];
    SpinGuard guard(all.spin);
    for (std::size_t i = 1; i < handles_per_block; ++i) {
        block[i].next_free = all.free;
        all.free = &block[i];
    }
    return &block[0];
}

void recycle_handle(IoHandle* handle) noexcept {
    {
        SpinGuard guard(handle->spin);
        handle->registered = nullptr;
        handle->closed = false;
        // A late reader of the old word must not succeed in changing the new one.
        handle->word.fetch_add(readiness::event);
        handle->word.fetch_and(~(readiness::event - 1));
    }
    Handles& all = handles();
    SpinGuard guard(all.spin);
    handle->next_free = all.free;
    all.free = handle;
}

void deliver(IoHandle& handle, bool readable, bool writable, bool hung_up) noexcept {
    SpinGuard guard(handle.spin);
    unsigned word = handle.word.load(std::memory_order_relaxed);
    unsigned fresh;
    do {
        fresh = word + readiness::event;
        if (readable) fresh &= ~readiness::dry_read;
        if (writable) fresh &= ~readiness::dry_write;
        if (hung_up) fresh = (fresh | readiness::hung_up) & ~readiness::dry_error;
    } while (!handle.word.compare_exchange_weak(word, fresh, std::memory_order_acq_rel));
    if (readable) handle.waiters[0].wake_all();
    if (writable) handle.waiters[1].wake_all();
    if (hung_up) handle.waiters[2].wake_all();
}

}  // namespace thrum::internal
