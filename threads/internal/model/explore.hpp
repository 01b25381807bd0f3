// thrum/threads/internal/model/explore.hpp: floor 1, threads
// Runs a scenario under many schedules, and one schedule again.
#pragma once

#include <thrum/threads/internal/model/world.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thrum::internal::model {

struct Report {
    std::uint64_t schedules = 0;
    bool complete = false;  // a search that saw every schedule within its bound
    std::string failure;  // empty where none failed; else what broke, how to run it again, and its last steps
    std::string schedule;  // which one failed: NAME:SEED, NAME:late-SEED or NAME:path-DIGITS
};

// Every schedule with at most `preemptions` preemptions, but no more than `most` of them.
Report search(const Scenario& scenario, int preemptions, std::uint64_t most);
// So many schedules, each from a seed of its own that follows from `seed`.
Report sample(const Scenario& scenario, std::uint64_t seed, std::uint64_t count,
              Stores stores = Stores::at_once);
// The schedule that a report named, printed step by step on standard error. Gives back its failure.
std::string replay(std::string_view schedule);

// All scenarios.
const std::vector<Scenario>& scenarios();
void add_lock_scenarios(std::vector<Scenario>& all);
void add_gate_scenarios(std::vector<Scenario>& all);
void add_wait_scenarios(std::vector<Scenario>& all);
void add_future_scenarios(std::vector<Scenario>& all);
void add_select_scenarios(std::vector<Scenario>& all);
void add_worker_scenarios(std::vector<Scenario>& all);
void add_pool_scenarios(std::vector<Scenario>& all);

}  // namespace thrum::internal::model
