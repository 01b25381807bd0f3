// thrum/threads/internal/model/model_faults_test.cpp: floor 1, threads
// The proof can fail: with any one of the faults of faults.py the model finds a schedule that breaks a
// promise, and that schedule breaks it again. Compiled with the copy of this floor that faults.py makes.
#include <thrum/threads/internal/model/explore.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ostream>

namespace thrum::internal::model {

struct Fault {
    const char* name;
    const char* missing;  // the text it should change, where that is not there
    bool order = false;   // it is in the order of memory alone: no fault where stores are seen at once
    int number = 0;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

namespace {

// Random schedules of each scenario, one round after another.
constexpr std::uint64_t rounds[] = {300, 3'000, 30'000};
constexpr std::uint64_t searched_schedules = 20'000;

// Exit codes of the child; a sanitizer that meets the fault before the scenario does ends it with its own, 1.
enum Outcome : int { found = 0, found_by_sanitizer = 1, not_found = 41, not_repeated, found_at_once };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool under_sanitizer = true;
#else
constexpr bool under_sanitizer = false;
#endif

std::vector<Fault> faults() {
    std::vector<Fault> all = {
#include <thrum/threads/internal/model/faults.inc>
    };
    for (std::size_t i = 0; i < all.size(); ++i) all[i].number = static_cast<int>(i) + 1;
    return all;
}

Report find(Stores stores) {
    std::uint64_t tried = 0;
    for (const std::uint64_t count : rounds) {
        for (const Scenario& scenario : scenarios()) {
            Report report = sample(scenario, count, count, stores);
            report.schedules = tried += report.schedules;
            if (!report.failure.empty()) return report;
        }
    }
    if (stores == Stores::late) return {};
    for (const Scenario& scenario : scenarios()) {
        Report report = search(scenario, 2, searched_schedules);
        report.schedules = tried += report.schedules;
        if (!report.failure.empty()) return report;
    }
    return {};
}

// A few schedules of each scenario.
bool holds(Stores stores) {
    return std::all_of(scenarios().begin(), scenarios().end(), [stores](const Scenario& scenario) {
        const Report report = sample(scenario, 7, rounds[0], stores);
        if (!report.failure.empty()) std::printf("%s\n", report.failure.c_str());
        return report.failure.empty();
    });
}

Outcome look_for(const Fault& fault) {
    model::fault = fault.number;
    if (fault.order && !holds(Stores::at_once)) return found_at_once;
    const Report report = find(fault.order ? Stores::late : Stores::at_once);
    if (report.failure.empty()) return not_found;
    const std::size_t said = report.failure.rfind("\nin ");
    const std::size_t line = report.failure.rfind('\n', said - 1) + 1;
    std::printf("schedule %llu, %s: %s\n", static_cast<unsigned long long>(report.schedules),
                report.schedule.c_str(), report.failure.substr(line, said - line).c_str());
    std::fflush(stdout);
    return report.failure.find("not deterministic") == std::string::npos ? found : not_repeated;
}

class Faults : public testing::TestWithParam<Fault> {};

// Each in a process of its own, for some end in a crash, which finds them as well.
TEST_P(Faults, AreFound) {
    const Fault& fault = GetParam();
    ASSERT_STREQ(fault.missing, "") << "the fault cannot be built in; adapt faults.py to the code";
    std::fflush(stdout);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(look_for(fault));
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        std::printf("signal %d\n", WTERMSIG(status));
    } else {
        const int outcome = WEXITSTATUS(status);
        EXPECT_NE(outcome, not_found) << "the model does not see that " << fault.name;
        EXPECT_NE(outcome, not_repeated);
        EXPECT_NE(outcome, found_at_once) << "late stores are not needed to see that " << fault.name;
        EXPECT_TRUE(outcome != found_by_sanitizer || under_sanitizer) << "the child ended with 1";
    }
}

INSTANTIATE_TEST_SUITE_P(All, Faults, testing::ValuesIn(faults()));

// Without a fault the copy is as good as the original.
TEST(NoFault, IsFoundWhereThereIsNone) {
    EXPECT_TRUE(holds(Stores::at_once));
    EXPECT_TRUE(holds(Stores::late));
}

}  // namespace
}  // namespace thrum::internal::model
