// thrum/threads/internal/model/explore.cpp: floor 1, threads
#include <thrum/base/text.hpp>
#include <thrum/threads/internal/model/explore.hpp>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace thrum::internal::model {

namespace {

constexpr std::string_view path_mark = "path-";
constexpr std::string_view late_mark = "late-";

// The schedule that runs, for a crash to name.
char running[512];

extern "C" void say_where(int signal) {
    static constexpr char text[] = "\ncrashed; run it again with THRUM_MODEL_REPLAY=";
    [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, text, sizeof text - 1);
    written = ::write(STDERR_FILENO, running, std::strlen(running));
    written = ::write(STDERR_FILENO, "\n", 1);
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

void name_crashes() {
    for (const int fault : {SIGSEGV, SIGABRT, SIGBUS, SIGILL}) std::signal(fault, say_where);
}

void now_running(const std::string& schedule) {
    std::snprintf(running, sizeof running, "%s", schedule.c_str());
}

// Runs the schedule once more with its trace, which must end as it did.
template <class MakeChoice>
std::string explain(const Scenario& scenario, Stores stores, const std::string& schedule,
                    const std::string& failure, MakeChoice&& make_choice) {
    World world(scenario, stores);
    world.keep_trace(false);
    auto choice = make_choice();
    const bool passed = world.run(choice);
    std::string text =
        world.trace() + failure + "\nin " + schedule + "\nrun it again with THRUM_MODEL_REPLAY=" + schedule;
    if (passed || world.failure() != failure) {
        text += "\n(but run once more it ended otherwise: " + (passed ? "well" : world.failure()) +
                "; the scenario is not deterministic)";
    }
    return text;
}

// splitmix64's steps lie this far apart; a schedule's own draws must not overlap the next one's.
std::uint64_t nth_seed(std::uint64_t seed, std::uint64_t n) { return (seed + n + 1) * 0xd1342543de82ef95; }

}  // namespace

Report search(const Scenario& scenario, int preemptions, std::uint64_t most) {
    name_crashes();
    Report report;
    SearchChoice choice(preemptions);
    do {
        if (report.schedules == most) return report;
        now_running(std::string(scenario.name) + ": the search, schedule " +
                    std::to_string(report.schedules));
        ++report.schedules;
        std::string failure;
        {
            World world(scenario);
            if (!world.run(choice)) failure = world.failure();
        }
        if (failure.empty()) continue;
        report.schedule = scenario.name + (':' + std::string(path_mark)) + std::to_string(preemptions) + '-' +
                          choice.path();
        report.failure = explain(scenario, Stores::at_once, report.schedule, failure,
                                 [&] { return SearchChoice(preemptions, choice.path()); });
        return report;
    } while (choice.advance());
    report.complete = true;
    return report;
}

Report sample(const Scenario& scenario, std::uint64_t seed, std::uint64_t count, Stores stores) {
    name_crashes();
    Report report;
    const std::string prefix = scenario.name + (':' + std::string(stores == Stores::late ? late_mark : ""));
    while (report.schedules < count) {
        const std::uint64_t own = nth_seed(seed, report.schedules++);
        now_running(prefix + std::to_string(own));
        std::string failure;
        {
            World world(scenario, stores);
            RandomChoice choice(own);
            if (!world.run(choice)) failure = world.failure();
        }
        if (failure.empty()) continue;
        report.schedule = prefix + std::to_string(own);
        report.failure =
            explain(scenario, stores, report.schedule, failure, [own] { return RandomChoice(own); });
        return report;
    }
    report.complete = true;
    return report;
}

std::string replay(std::string_view schedule) {
    const std::string_view name = schedule.substr(0, schedule.find(':'));
    std::string_view how = schedule.substr(std::min(schedule.size(), name.size() + 1));
    const auto found = std::find_if(scenarios().begin(), scenarios().end(),
                                    [name](const Scenario& scenario) { return scenario.name == name; });
    if (found == scenarios().end()) return "there is no scenario " + std::string(name);
    const bool late = how.starts_with(late_mark);
    if (late) how.remove_prefix(late_mark.size());
    World world(*found, late ? Stores::late : Stores::at_once);
    world.keep_trace(true);
    if (how.starts_with(path_mark)) {
        how.remove_prefix(path_mark.size());
        SearchChoice choice(how.front() - '0', how.substr(2));
        world.run(choice);
    } else {
        const auto seed = parse_unsigned(how);
        if (!seed) return "'" + std::string(how) + "' is no seed";
        RandomChoice choice(*seed);
        world.run(choice);
    }
    return world.failure();
}

const std::vector<Scenario>& scenarios() {
    static const std::vector<Scenario> all = [] {
        std::vector<Scenario> made;
        add_lock_scenarios(made);
        add_gate_scenarios(made);
        add_wait_scenarios(made);
        add_future_scenarios(made);
        add_select_scenarios(made);
        add_worker_scenarios(made);
        add_pool_scenarios(made);
        return made;
    }();
    return all;
}

}  // namespace thrum::internal::model
