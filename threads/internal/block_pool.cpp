// thrum/threads/internal/block_pool.cpp: floor 1, threads
// Each OS thread keeps a few free blocks of each size; whole batches move between it and the common depot.
#include <thrum/threads/internal/block_pool.hpp>
#include <thrum/threads/internal/context.hpp>
#include <thrum/threads/internal/spin.hpp>

#include <array>
#include <new>
#include <utility>

namespace thrum::internal {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool pooling = false;  // recycled memory would hide what they look for
#else
constexpr bool pooling = true;
#endif

constexpr std::size_t granule = 64;  // sizes are rounded up to whole cache lines
constexpr std::size_t classes = 4;
constexpr unsigned batch_size = 64;
constexpr unsigned batches_kept = 256;  // in the depot, for each size; beyond, memory is freed

struct Block {
    Block* next;
    Block* next_batch;  // of a batch's first block, in the depot
};

struct Batch {
    Block* first = nullptr;
    unsigned count = 0;

    void push(Block* block) noexcept {
        block->next = first;
        first = block;
        ++count;
    }
    Block* pop() noexcept {
        Block* const block = first;
        first = block->next;
        --count;
        return block;
    }
};

// Full batches of one size.
class Depot {
public:
    Block* take() noexcept {
        const SpinGuard guard(spin_);
        if (first_ == nullptr) return nullptr;
        --batches_;
        return std::exchange(first_, first_->next_batch);
    }
    bool give(Block* batch) noexcept {
        const SpinGuard guard(spin_);
        if (batches_ == batches_kept) return false;
        batch->next_batch = first_;
        first_ = batch;
        ++batches_;
        return true;
    }

private:
    Spin spin_;
    Block* first_ = nullptr;
    unsigned batches_ = 0;
};

constinit std::array<Depot, classes> depots;

void free_all(Batch& batch) noexcept {
    while (batch.count > 0) ::operator delete(batch.pop());
}

// Two batches, so that a thread that takes and gives by turns does not run to the depot each time.
struct Shelf {
    Batch open;
    Batch full;  // or empty
};

// Neither has a destructor, so both can be asked after the thread's other locals are gone.
constinit thread_local std::array<Shelf, classes> shelves;
constinit thread_local bool cleaned = false;

// Frees what the OS thread kept when it ends. What is given back later still, by a destructor of another
// thread-local, is freed at once.
struct Cleaner {
    ~Cleaner() {
        for (Shelf& shelf : shelves) {
            free_all(shelf.open);
            free_all(shelf.full);
        }
        cleaned = true;
    }
    bool used = false;
};
thread_local Cleaner cleaner;

}  // namespace

void* take_block(std::size_t size) {
    const std::size_t index = (size - 1) / granule;
    if (!pooling || index >= classes) return ::operator new(size);
    Shelf& shelf = shelves[index];
    if (shelf.open.count == 0) {
        std::swap(shelf.open, shelf.full);
        if (shelf.open.count == 0) {
            Block* const batch = depots[index].take();
            if (batch == nullptr) return ::operator new((index + 1) * granule);
            shelf.open = {batch, batch_size};
        }
    }
    return shelf.open.pop();
}

void give_block(void* block, std::size_t size) noexcept {
    const std::size_t index = (size - 1) / granule;
    if (!pooling || index >= classes || cleaned) return ::operator delete(block);
    cleaner.used = true;
    Shelf& shelf = shelves[index];
    if (shelf.open.count == batch_size) {
        if (shelf.full.count != 0 && !depots[index].give(shelf.full.first)) free_all(shelf.full);
        shelf.full = std::exchange(shelf.open, {});
    }
    shelf.open.push(static_cast<Block*>(block));
}

}  // namespace thrum::internal
