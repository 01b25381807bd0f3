// thrum/threads/internal/stack.cpp: floor 1, threads
// Guards by MADV_GUARD_INSTALL (Linux 6.13), which splits no mapping, so that a million guards are one VMA.
// Older kernels: mprotect(2), which costs two VMAs each, up to a share of vm.max_map_count; then stacks go
// unguarded and the statistics say so.
#include <thrum/base/errors.hpp>
#include <thrum/base/text.hpp>
#include <thrum/threads/internal/context.hpp>
#include <thrum/threads/internal/spin.hpp>
#include <thrum/threads/internal/stack.hpp>
#include <thrum/threads/thread.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

namespace thrum::internal {

namespace {

constexpr std::size_t page = 4096;
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t slab_bytes = 256 * 1024 * 1024;  // the leak checker reads all maps once for each slab
#else
constexpr std::size_t slab_bytes = 4 * 1024 * 1024;
#endif
constexpr int madv_guard_install = 102;              // not in the headers of Debian 12
constexpr std::size_t idle_stacks_kept_warm = 1024;  // beyond, their pages go back to the kernel
constexpr std::uint32_t colours = 32;
constexpr std::uint32_t colour_step = 64;  // bytes: one cache line

}  // namespace

// Never unmapped. Named for debuggers: see gdb/thrum-gdb.py.
struct StackSlab {
    char* base;
    std::size_t stack_size;
    std::size_t count;
    std::size_t number;  // of its first stack among all
    StackSlab* next;

    Stack at(std::size_t i) const noexcept {
        const auto colour = static_cast<std::uint32_t>((number + i) % colours) * colour_step;
        return {.base = base + i * stack_size, .size = stack_size, .pooled = true, .colour = colour};
    }
};

std::atomic<StackSlab*> first_stack_slab = nullptr;
StackHeader* first_single_stack = nullptr;  // the stacks outside the slabs; under the pool's Spin

namespace {

std::size_t round_up(std::size_t size, std::size_t step) noexcept { return (size + step - 1) / step * step; }

// The bytes of these pages from the first one in memory after the guard on.
std::size_t depth_of(const unsigned char* first, std::size_t pages) noexcept {
    const unsigned char* const end = first + pages;
    const auto* const touched =
        std::find_if(first + 1, end, [](unsigned char flags) { return (flags & 1) != 0; });
    return static_cast<std::size_t>(end - touched) * page;
}

std::optional<std::size_t> guards_of_environment() {
    const char* const text = std::getenv("THRUM_GUARDS");
    if (text == nullptr || !std::string_view(text).starts_with("mprotect:")) return std::nullopt;
    return parse_unsigned(std::string_view(text).substr(std::string_view("mprotect:").size()));
}

class Pool {
public:
    Stack allocate(std::size_t size) {
        static const std::size_t default_size = stack_size_for(default_stack_size);
        if (size != default_size) size = round_up(size + colours * colour_step, stack_size_step);
        if (size != default_size) return allocate_single(size);
        SpinGuard guard(spin_);
        if (idle_.empty()) map_slab(size);
        const Stack stack = idle_.back();
        idle_.pop_back();
        return stack;
    }

    void release(const Stack& stack) noexcept {
        if (!stack.pooled) {
            if (keep_single(stack)) return;
            unlink(StackHeader::of(stack));
#if defined(__SANITIZE_ADDRESS__)
            __lsan_unregister_root_region(stack.base, stack.size);
            // Whoever is given this memory next, libbacktrace for one, knows nothing of red zones left there.
            ASAN_UNPOISON_MEMORY_REGION(stack.base, stack.size);
#endif
            ::munmap(stack.base, stack.size);
            SpinGuard guard(spin_);
            if (stack.mprotected) --mprotected_;
            return;
        }
        SpinGuard guard(spin_);
        // MADV_DONTNEED leaves installed guards in place (madvise(2)).
        if (idle_.size() >= idle_stacks_kept_warm)
            ::madvise(stack.base + page, stack.size - page, MADV_DONTNEED);
        idle_.push_back(stack);  // capacity was reserved when the slab was mapped
    }

    StackStatistics statistics() noexcept {
        SpinGuard guard(spin_);
        return statistics_;
    }

    std::size_t deepest() {
        std::size_t most = 0;
        std::vector<unsigned char> resident;
        for (const StackSlab* slab = first_stack_slab.load(std::memory_order_acquire); slab != nullptr;
             slab = slab->next) {
            const std::size_t pages = slab->stack_size / page;
            resident.assign(slab->count * pages, 0);
            if (::mincore(slab->base, slab->count * slab->stack_size, resident.data()) != 0) continue;
            for (std::size_t i = 0; i < slab->count; ++i)
                most = std::max(most, depth_of(resident.data() + i * pages, pages));
        }
        for (const auto& [base, pages] : singles()) {
            resident.assign(pages, 0);
            // One that has gone since has nothing in memory.
            if (::mincore(base, pages * page, resident.data()) == 0)
                most = std::max(most, depth_of(resident.data(), pages));
        }
        return most;
    }

    void visit(bool (*visitor)(StackHeader&, void*), void* argument) {
        for (const StackSlab* slab = first_stack_slab.load(std::memory_order_acquire); slab != nullptr;
             slab = slab->next) {
            for (std::size_t i = 0; i < slab->count; ++i) {
                StackHeader& header = StackHeader::of(slab->at(i));
                if (header.retain() && !visitor(header, argument)) return;
            }
        }
        std::vector<StackHeader*> single;
        {
            SpinGuard guard(spin_);
            for (StackHeader* header = first_single_stack; header != nullptr; header = header->next) {
                single.push_back(header);
                if (!header->retain()) single.pop_back();
            }
        }
        for (StackHeader* const header : single) visitor(*header, argument);
    }

private:
    static char* map(std::size_t size) {
        void* const memory =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            throw_os_error(
                errno, "cannot map " + std::to_string(size) + " bytes for thread stacks",
                "start fewer threads at once, give them smaller stacks (ThreadOptions::stack_size), "
                "or raise the limit (ulimit -v, vm.max_map_count)");
        }
        // A huge page would make each parked thread cost two megabytes.
        ::madvise(memory, size, MADV_NOHUGEPAGE);
#if defined(__SANITIZE_ADDRESS__)
        // What only a parked thread's stack points to is not leaked.
        __lsan_register_root_region(memory, size);
#endif
        return static_cast<char*>(memory);
    }

    void place_guard(Stack& stack) noexcept {
        ++statistics_.mapped;
        int refused = EINVAL;
        if (can_install_) {
            if (::madvise(stack.base, page, madv_guard_install) == 0) {
                ++statistics_.guarded;
                return;
            }
            refused = errno;
            // That alone says that the kernel does not know them; a want of memory passes.
            can_install_ = refused != EINVAL;
        }
        if (mprotected_ < mprotect_limit() && ::mprotect(stack.base, page, PROT_NONE) == 0) {
            stack.mprotected = true;
            ++mprotected_;
            ++statistics_.guarded;
        } else if (refused != EINVAL) {
            if (std::exchange(refusal_told_, true)) return;
            std::fprintf(
                stderr,
                "thrum: a thread stack has no guard page, so an overflow of it would not be noticed: "
                "madvise(MADV_GUARD_INSTALL) failed: %s\n",
                std::generic_category().message(refused).c_str());
        } else if (!unguarded_told_) {
            unguarded_told_ = true;
            std::fprintf(
                stderr,
                "thrum: %zu thread stacks have guard pages, further ones have none: this kernel has no "
                "MADV_GUARD_INSTALL (Linux 6.13) and vm.max_map_count allows no more, so an overflow of "
                "those would not be noticed. Raise vm.max_map_count for more.\n",
                statistics_.guarded);
        }
    }

    // Each guard splits its mapping in two; a third of the limit is left for the rest of the process.
    static std::size_t mprotect_limit() noexcept {
        static const std::size_t limit = [] {
            // For tests of what older kernels do: THRUM_GUARDS=mprotect:NUMBER.
            if (const auto forced = guards_of_environment()) return *forced;
            std::size_t maps = 65530;
            std::ifstream("/proc/sys/vm/max_map_count") >> maps;
            return maps / 3;
        }();
        return limit;
    }

    void map_slab(std::size_t size) {
        const std::size_t count = std::max<std::size_t>(1, slab_bytes / size);
        idle_.reserve(pooled_ + count);
        auto slab = std::make_unique<StackSlab>();
        *slab = {map(count * size), size, count, pooled_, first_stack_slab.load(std::memory_order_relaxed)};
        for (std::size_t i = count; i-- > 0;) {
            Stack stack = slab->at(i);
            place_guard(stack);
            idle_.push_back(stack);
        }
        pooled_ += count;
        first_stack_slab.store(slab.release(), std::memory_order_release);
    }

    Stack allocate_single(std::size_t size) {
        if (size > largest_kept_stack) return map_one(size);
        {
            SpinGuard guard(spin_);
            std::vector<Stack>& idle = idle_singles_[size / stack_size_step];
            if (!idle.empty()) {
                const Stack stack = idle.back();
                idle.pop_back();
                idle_single_bytes_ -= size;
                return stack;
            }
        }
        return map_one(size);
    }

    // False where there are enough idle ones, or no memory to note it.
    bool keep_single(const Stack& stack) noexcept {
        if (stack.size > largest_kept_stack) return false;
        SpinGuard guard(spin_);
        if (idle_single_bytes_ + stack.size > idle_stack_bytes_kept) return false;
        try {
            idle_singles_[stack.size / stack_size_step].push_back(stack);
        } catch (const std::bad_alloc&) {
            return false;
        }
        idle_single_bytes_ += stack.size;
        return true;
    }

    std::vector<std::pair<char*, std::size_t>> singles() {
        std::vector<std::pair<char*, std::size_t>> all;
        SpinGuard guard(spin_);
        for (StackHeader* header = first_single_stack; header != nullptr; header = header->next) {
            // Its colour is less than a page.
            const auto end = round_up(reinterpret_cast<std::uintptr_t>(header), page);
            all.emplace_back(reinterpret_cast<char*>(end) - header->pages * page, header->pages);
        }
        return all;
    }

    Stack map_one(std::size_t size) {
        Stack stack{.base = map(size), .size = size};
        SpinGuard guard(spin_);
        place_guard(stack);
        stack.colour = static_cast<std::uint32_t>(statistics_.mapped % colours) * colour_step;
        StackHeader& header = StackHeader::of(stack);
        header.pages = static_cast<std::uint32_t>(size / page);
        header.next = first_single_stack;
        if (first_single_stack != nullptr) first_single_stack->previous = &header;
        first_single_stack = &header;
        return stack;
    }

    void unlink(StackHeader& header) noexcept {
        SpinGuard guard(spin_);
        (header.previous != nullptr ? header.previous->next : first_single_stack) = header.next;
        if (header.next != nullptr) header.next->previous = header.previous;
    }

    Spin spin_;
    std::vector<Stack> idle_;
    std::array<std::vector<Stack>, largest_kept_stack / stack_size_step + 1> idle_singles_;  // by class
    std::size_t idle_single_bytes_ = 0;
    StackStatistics statistics_;
    std::size_t pooled_ = 0;  // stacks of the default size, idle or not
    std::size_t mprotected_ = 0;
    bool unguarded_told_ = false;
    bool refusal_told_ = false;
#if defined(__SANITIZE_ADDRESS__)
    // The leak checker reads the slabs, and can tell protected pages from readable ones but not installed
    // guards.
    bool can_install_ = false;
#else
    bool can_install_ = !guards_of_environment();
#endif
};

Pool& pool() {
    static Pool* const instance = new Pool;  // lives as long as any thread may
    return *instance;
}

}  // namespace

std::size_t stack_size_for(std::size_t requested) noexcept {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    requested *= 4;  // instrumented frames are several times as large
#endif
    const std::size_t least = 4 * page;
    return (std::max(requested, least) + page - 1) / page * page;
}

Stack allocate_stack(std::size_t size) { return pool().allocate(size); }
void release_stack(const Stack& stack) noexcept { pool().release(stack); }
StackStatistics stack_statistics() noexcept { return pool().statistics(); }
std::size_t deepest_stack() { return pool().deepest(); }
void visit_stacks(bool (*visit)(StackHeader&, void*), void* argument) { pool().visit(visit, argument); }

}  // namespace thrum::internal
