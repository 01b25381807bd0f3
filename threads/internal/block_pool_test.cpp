// thrum/threads/internal/block_pool_test.cpp: floor 1, threads
#include <thrum/threads/internal/block_pool.hpp>
#include <thrum/threads/queue.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <thread>
#include <vector>

namespace thrum::internal {
namespace {

struct Loan {
    unsigned char* block;
    std::size_t size;
    unsigned char pattern;
};

Loan borrow(std::size_t size, unsigned char pattern) {
    auto* const block = static_cast<unsigned char*>(take_block(size));
    std::memset(block, pattern, size);
    return {block, size, pattern};
}

bool untouched(const Loan& loan) {
    return std::all_of(loan.block, loan.block + loan.size,
                       [&](unsigned char byte) { return byte == loan.pattern; });
}

// A block belongs to its taker alone, of whatever size, until it is given back.
TEST(BlockPool, BlocksDoNotOverlap) {
    std::vector<Loan> loans;
    std::set<unsigned char*> blocks;
    for (int i = 0; i < 1000; ++i) {
        loans.push_back(borrow(1 + static_cast<std::size_t>(i) % 400, static_cast<unsigned char>(i)));
        EXPECT_TRUE(blocks.insert(loans.back().block).second);
    }
    for (const Loan& loan : loans) {
        EXPECT_TRUE(untouched(loan));
        give_block(loan.block, loan.size);
    }
}

// What one thread takes another may give back, over and over, and neither sees the other's writing.
TEST(BlockPool, BlocksGoFromThreadToThread) {
    Queue<Loan> loans(500);
    std::thread taker([&] {
        for (int i = 0; i < 100'000; ++i) {
            loans.put(borrow(64 + static_cast<std::size_t>(i) % 180, static_cast<unsigned char>(i)));
        }
        loans.shutdown();
    });
    std::size_t damaged = 0;
    while (const std::optional<Loan> loan = loans.get()) {
        damaged += untouched(*loan) ? 0 : 1;
        give_block(loan->block, loan->size);
    }
    taker.join();
    EXPECT_EQ(damaged, 0U);
}

}  // namespace
}  // namespace thrum::internal
