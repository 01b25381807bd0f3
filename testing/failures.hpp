// thrum/testing/failures.hpp: yard, testing
// Expecting an exception together with what it tells people.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace thrum::testing {

// Runs `act`, which must throw Expected with each of `parts` in its message. Returns what was thrown, for
// further questions; nothing where the test has failed already.
template <class Expected, class Act>
std::optional<Expected> expect_failure(Act&& act, const std::vector<std::string>& parts) {
    try {
        std::forward<Act>(act)();
        ADD_FAILURE() << "nothing was thrown, expected: " << parts.front();
    } catch (const Expected& error) {
        const std::string what = error.what();
        for (const std::string& part : parts) {
            EXPECT_NE(what.find(part), what.npos) << "\"" << what << "\" lacks \"" << part << "\"";
        }
        return error;
    } catch (const std::exception& error) {
        ADD_FAILURE() << "failed otherwise: " << error.what() << "\nexpected: " << parts.front();
    }
    return {};
}

}  // namespace thrum::testing
