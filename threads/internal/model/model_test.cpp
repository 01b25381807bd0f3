// thrum/threads/internal/model/model_test.cpp: floor 1, threads
// The wake-up protocol holds under every schedule tried. THRUM_MODEL_SCHEDULES sets how many random ones, all
// scenarios together; THRUM_MODEL_SEED another first seed; THRUM_MODEL_REPLAY runs the one schedule a failure
// named.
#include <thrum/base/text.hpp>
#include <thrum/threads/internal/model/explore.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <ostream>

namespace thrum::internal::model {

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

namespace {

constexpr std::uint64_t random_schedules = 1'500'000;  // of all scenarios
constexpr std::uint64_t late_schedules = 500'000;      // likewise
constexpr std::uint64_t searched_schedules =
    30'000;  // of each scenario, for as many preemptions as they suffice
constexpr int most_preemptions = 6;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? otherwise : parse_unsigned(text).value_or(otherwise);
}

// How many schedules all tests together have run; printed at the end.
class Count : public testing::Environment {
public:
    void TearDown() override { std::printf("%llu schedules\n", static_cast<unsigned long long>(all)); }
    static inline std::uint64_t all = 0;
};
const testing::Environment* const count = testing::AddGlobalTestEnvironment(new Count);

class Model : public testing::TestWithParam<Scenario> {
protected:
    static void expect_none_failed(const Report& report) {
        Count::all += report.schedules;
        RecordProperty("schedules", static_cast<int>(report.schedules));
        EXPECT_TRUE(report.failure.empty()) << report.failure;
    }
};

std::string test_name(const testing::TestParamInfo<Scenario>& scenario) {
    std::string name = scenario.param.name;
    for (char& character : name) {
        if (character == '.') character = '_';
    }
    return name;
}

// Schedules from seeds, from nearly every step interrupted to hardly one.
TEST_P(Model, HoldsUnderRandomSchedules) {
    const std::uint64_t all = number_from("THRUM_MODEL_SCHEDULES", random_schedules);
    const std::uint64_t seed = number_from("THRUM_MODEL_SEED", 1);
    expect_none_failed(sample(GetParam(), seed, all / scenarios().size() + 1));
}

// The same where stores are late: what needs std::memory_order_seq_cst, or release, has it.
TEST_P(Model, HoldsUnderLateStores) {
    const std::uint64_t all = number_from("THRUM_MODEL_LATE", late_schedules);
    const std::uint64_t seed = number_from("THRUM_MODEL_SEED", 1);
    expect_none_failed(sample(GetParam(), seed, all / scenarios().size() + 1, Stores::late));
}

// Every schedule without a preemption, then with one, then with two, as long as the count allows (iterative
// context bounding). All scenarios get through one, most through two or three.
TEST_P(Model, HoldsUnderEveryScheduleWithFewPreemptions) {
    std::uint64_t left = number_from("THRUM_MODEL_SEARCH", searched_schedules);
    int complete = -1;
    for (int preemptions = 0; preemptions <= most_preemptions && left > 0; ++preemptions) {
        const Report report = search(GetParam(), preemptions, left);
        expect_none_failed(report);
        if (!report.complete) break;
        left -= report.schedules;
        complete = preemptions;
    }
    RecordProperty("preemptions", complete);
    EXPECT_GE(complete, 0)
        << "there are too many schedules even without a preemption; make the scenario smaller";
}

INSTANTIATE_TEST_SUITE_P(Of, Model, testing::ValuesIn(scenarios()), test_name);

// For whoever follows a failure: the schedule it named, step by step on standard error.
TEST(Replay, RunsTheScheduleNamed) {
    const char* const schedule = std::getenv("THRUM_MODEL_REPLAY");
    if (schedule == nullptr) GTEST_SKIP() << "THRUM_MODEL_REPLAY names no schedule";
    EXPECT_EQ(replay(schedule), "");
}

}  // namespace
}  // namespace thrum::internal::model
