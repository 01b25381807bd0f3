// thrum/base/errors_test.cpp: floor 0, base
#include <thrum/base/errors.hpp>

#include <gtest/gtest.h>

namespace thrum {
namespace {

template <class Expected>
void expect_thrown(int code) {
    try {
        throw_os_error(code, "cannot do it");
    } catch (const OSError& error) {
        EXPECT_NE(dynamic_cast<const Expected*>(&error), nullptr) << "errno " << code;
        EXPECT_EQ(error.code(), code == ESHUTDOWN ? ESHUTDOWN : code);
        EXPECT_TRUE(std::string_view(error.what()).starts_with("cannot do it: "));
    }
}

// Each errno value becomes the class that PEP 3151 gives it.
TEST(Errors, ErrnoPicksTheClass) {
    expect_thrown<ConnectionRefusedError>(ECONNREFUSED);
    expect_thrown<ConnectionResetError>(ECONNRESET);
    expect_thrown<ConnectionAbortedError>(ECONNABORTED);
    expect_thrown<BrokenPipeError>(EPIPE);
    expect_thrown<BrokenPipeError>(ESHUTDOWN);
    expect_thrown<TimeoutError>(ETIMEDOUT);
    expect_thrown<FileExistsError>(EEXIST);
    expect_thrown<FileNotFoundError>(ENOENT);
    expect_thrown<PermissionError>(EACCES);
    expect_thrown<OSError>(EBADF);
}

// Cancellation is not a failure: a handler for std::exception does not swallow it.
TEST(Errors, CancelledStandsOutsideTheTree) {
    static_assert(!std::is_base_of_v<std::exception, Cancelled>);
    EXPECT_THROW(throw Cancelled(), Cancelled);
}

}  // namespace
}  // namespace thrum
