// thrum/sockets/internal/stream_fixture.hpp: floor 2, sockets
// For the tests: what every kind of Stream promises alike.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/sockets/stream.hpp>
#include <thrum/threads/thread.hpp>

#include <gtest/gtest.h>

#include <cerrno>

namespace thrum::internal {

// A thread that receives from `client`, which is open and whose peer is silent, ends with Cancelled when it
// is cancelled, and with EBADF when the stream is closed under it.
inline void expect_waits_end(Stream& client) {
    bool cancelled = false;
    Thread waiting([&] {
        try {
            client.recv(1);
        } catch (const Cancelled&) {
            cancelled = true;
            throw;
        }
    });
    waiting.cancel();
    waiting.join();
    EXPECT_TRUE(cancelled);

    int code = 0;
    Thread closed_under([&] {
        try {
            client.recv(1);
        } catch (const OSError& error) {
            code = error.code();
        }
    });
    yield();
    client.close();
    closed_under.join();
    EXPECT_EQ(code, EBADF);
}

}  // namespace thrum::internal
