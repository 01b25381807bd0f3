// thrum/threads/internal/snapshot.hpp: floor 1, threads
// One look at all threads, before it is put into words: what threads do, and the addresses on their stacks.
#pragma once

#include <thrum/threads/inspect.hpp>
#include <thrum/threads/internal/unwind.hpp>

#include <cstddef>
#include <vector>

namespace thrum::internal {

struct Seen {
    ThreadSnapshot thread = {};  // without its stack
    std::string kind = {};       // what it waits on, without saying which
    Frames frames = {};
};

struct Look {
    std::vector<Seen> threads = {};
    std::vector<std::size_t> silent = {};  // workers that did not stand still
};

Look look_at_all_threads();

// "function at file:line" for people: without the insides of thrum at either end.
std::vector<std::string> describe_stack(const Frames& frames);

// The whole text.
std::string describe(const Look& look);

}  // namespace thrum::internal
