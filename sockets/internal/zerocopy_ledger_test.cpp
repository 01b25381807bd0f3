// thrum/sockets/internal/zerocopy_ledger_test.cpp: floor 2, sockets
// Bytes are booked as the kernel tells of them, in whatever order and wherever its numbers begin.
#include <thrum/sockets/internal/zerocopy_ledger.hpp>

#include <gtest/gtest.h>

namespace thrum::internal {
namespace {

struct Word {
    std::uint32_t first;
    std::uint32_t last;
    bool copied;
};

struct Case {
    std::vector<Word> words;  // relative to the number of the first send
    std::uint64_t in_place;
    std::uint64_t copied;
};

// Sends of 1, 10, 100 and 1000 bytes.
TEST(ZerocopyLedger, BooksEachSendOnce) {
    const Case table[] = {
        {{{0, 3, false}}, 1111, 0},
        {{{0, 3, true}}, 0, 1111},
        {{{0, 0, false}, {1, 1, true}, {2, 3, false}}, 1101, 10},
        {{{3, 3, true}, {1, 2, false}, {0, 0, true}}, 110, 1001},
    };
    for (const std::uint32_t base : {0U, 7U, ~0U, ~0U - 1}) {
        for (const Case& one : table) {
            ZerocopyLedger ledger;
            EXPECT_TRUE(ledger.is_settled());
            for (const std::size_t size : {1, 10, 100, 1000}) ledger.sent(size);
            for (const Word& word : one.words) {
                EXPECT_FALSE(ledger.is_settled());
                ledger.done(base + word.first, base + word.last, word.copied);
            }
            EXPECT_TRUE(ledger.is_settled());
            EXPECT_EQ(ledger.saw_copy(), one.copied > 0);
            EXPECT_EQ(ledger.result().in_place, one.in_place) << base;
            EXPECT_EQ(ledger.result().copied, one.copied) << base;
        }
    }
}

// More than was sent is booked nowhere: another's sends on the same open socket.
TEST(ZerocopyLedger, WhatWasNotSent) {
    ZerocopyLedger ledger;
    EXPECT_EQ(ledger.result().in_place, 0u);
    ledger.sent(5);
    ledger.done(3, 9, false);
    EXPECT_EQ(ledger.result().in_place, 5u);
}

}  // namespace
}  // namespace thrum::internal
