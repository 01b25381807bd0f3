// thrum/threads/internal/describe.cpp: floor 1, threads
// A look at all threads, in words: equal stacks are told once, and thrum's own insides are left out.
#include <thrum/threads/internal/snapshot.hpp>
#include <thrum/threads/internal/symbols.hpp>
#include <thrum/threads/runtime.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string_view>

namespace thrum::internal {

namespace {

constexpr std::size_t most_examples = 3;

// What a stack ends with on the side of its latest calls, and a reader need not see.
bool is_inside(const Symbol& symbol) {
    const std::string_view function = symbol.function;
    return function.starts_with("thrum::internal::") || function.starts_with("thrum::enumerate_threads") ||
           function.starts_with("thrum::describe_threads") || function.starts_with("thrum::dump_threads") ||
           function == "jump_fcontext" || function == "_Unwind_Backtrace" || function == "syscall" ||
           function == "ppoll";
}

// How a thread's function came to be called.
bool is_start(const Symbol& symbol) {
    static constexpr std::string_view files[] = {
        "threads/thread.hpp", "threads/task_group.hpp", "internal/fiber_start.hpp", "bits/invoke.h", "/tuple",
        "bits/std_thread.h"};
    static constexpr std::string_view functions[] = {
        "make_fcontext",           "start_thread",      "clone", "clone3", "thrum::internal::", "std::apply<",
        "void std::__apply_impl<", "void std::__invoke"};
    const std::string_view file = symbol.file;
    const std::string_view function = symbol.function;
    return (function.empty() && file.find("libstdc++") != std::string_view::npos) ||
           std::any_of(std::begin(files), std::end(files), [&](auto end) { return file.ends_with(end); }) ||
           std::any_of(std::begin(functions), std::end(functions),
                       [&](auto start) { return function.starts_with(start); });
}

template <class Predicate>
bool all_of(std::uintptr_t address, Predicate&& predicate) {
    const auto& symbols = symbols_at(address);
    return std::all_of(symbols.begin(), symbols.end(), predicate);
}

// Without the frames that tell a user nothing.
std::vector<std::uintptr_t> trimmed(const Frames& frames) {
    const auto begin = frames.addresses.begin();
    const auto end = begin + frames.count;
    auto first = begin;
    while (first != end && all_of(*first, is_inside)) ++first;
    auto last = end;
    while (last != first && all_of(*(last - 1), is_start)) --last;
    return {first, last};
}

// 4998 as 4,998.
std::string counted(std::size_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
    return text;
}

std::string threads(std::size_t number) { return counted(number) + (number == 1 ? " thread" : " threads"); }

std::string seconds(std::chrono::nanoseconds duration) {
    char text[32];
    const double value = std::chrono::duration<double>(duration).count();
    std::snprintf(text, sizeof text, value < 10 ? "%.3f s" : "%.0f s", value);
    return text;
}

std::string state_of(const Seen& seen, bool one) {
    switch (seen.thread.state) {
        case ThreadState::not_started: return one ? "has not started" : "have not started";
        case ThreadState::ready: return one ? "is ready to run" : "are ready to run";
        case ThreadState::running:
            if (seen.thread.plain) return one ? "is not waiting in thrum" : "are not waiting in thrum";
            return one ? "is running" : "are running";
        case ThreadState::waiting: break;
    }
    if (seen.kind == "sleep") return one ? "sleeps" : "sleep";
    return one ? "waits on " + seen.thread.waits_on : "wait on " + seen.kind;
}

std::string name_of(const Seen& seen) {
    std::string text = "\"" + seen.thread.name + "\"";
    text += seen.thread.plain ? " (plain thread, id " : " (id ";
    return text + std::to_string(seen.thread.id) + ")";
}

using Group = std::vector<const Seen*>;

std::string heading(const Group& group) {
    const Seen& first = *group.front();
    const bool one = group.size() == 1;
    std::string text = one ? name_of(first) : threads(group.size());
    text += " " + state_of(first, one);
    if (first.thread.state == ThreadState::waiting) {
        const auto [least, most] = std::minmax_element(group.begin(), group.end(), [](auto* a, auto* b) {
            return a->thread.waits_for < b->thread.waits_for;
        });
        const std::string shortest = seconds((*least)->thread.waits_for);
        const std::string longest = seconds((*most)->thread.waits_for);
        text += " for " + (shortest == longest ? longest : shortest + " to " + longest);
    }
    if (one) return text + "\n";
    text += ", e.g. ";
    for (std::size_t i = 0; i < std::min(group.size(), most_examples); ++i) {
        if (i > 0) text += ", ";
        text += name_of(*group[i]);
        if (group[i]->thread.waits_on != first.kind) text += " " + group[i]->thread.waits_on;
    }
    return text + (group.size() > most_examples ? ", …\n" : "\n");
}

std::string summary(const Look& look) {
    std::map<ThreadState, std::size_t> counts;
    for (const Seen& seen : look.threads) ++counts[seen.thread.state];
    static constexpr std::pair<ThreadState, const char*> words[] = {
        {ThreadState::running, " running"},
        {ThreadState::ready, " ready"},
        {ThreadState::waiting, " waiting"},
        {ThreadState::not_started, " not started"}};
    std::string text = "thrum: " + threads(look.threads.size());
    const char* separator = ": ";
    for (const auto& [state, word] : words) {
        if (counts[state] == 0) continue;
        text += separator + counted(counts[state]) + word;
        separator = ", ";
    }
    return text + "\n";
}

std::string silence(std::size_t worker) {
    return "thrum: worker " + std::to_string(worker) +
           " did not stop in 0.2 s, so of its threads only the running one shows its stack\n";
}

// Innermost first; several lines for one address where functions were inlined.
void append_frame(std::uintptr_t address, std::vector<std::pair<const Symbol*, std::string>>& lines) {
    for (const Symbol& symbol : symbols_at(address)) {
        std::string text = symbol.function;
        if (text.empty()) {
            char number[32];
            std::snprintf(number, sizeof number, "0x%lx", static_cast<unsigned long>(address));
            text = number;
        }
        if (!symbol.file.empty()) text += (symbol.line > 0 ? " at " : " in ") + symbol.file;
        if (symbol.line > 0) text += ":" + std::to_string(symbol.line);
        lines.emplace_back(&symbol, std::move(text));
    }
}

}  // namespace

std::vector<std::string> describe_stack(const Frames& frames) {
    std::vector<std::pair<const Symbol*, std::string>> lines;
    for (const std::uintptr_t address : trimmed(frames)) append_frame(address, lines);
    // A frame at either end may be a user's function with thrum's inlined, or the other way round.
    auto first = lines.begin();
    while (first != lines.end() && is_inside(*first->first)) ++first;
    auto last = lines.end();
    while (last != first && is_start(*(last - 1)->first)) --last;
    std::vector<std::string> texts;
    for (auto line = first; line != last; ++line) texts.push_back(std::move(line->second));
    return texts;
}

std::string describe(const Look& look) {
    // Equal in what they do and where.
    std::map<std::tuple<ThreadState, std::string, bool, std::vector<std::uintptr_t>, std::string>, Group>
        found;
    for (const Seen& seen : look.threads) {
        const char* const missing = seen.frames.missing == nullptr ? "" : seen.frames.missing;
        found[{seen.thread.state, seen.kind, seen.thread.plain, trimmed(seen.frames), missing}].push_back(
            &seen);
    }
    std::vector<Group*> groups;
    for (auto& [key, group] : found) groups.push_back(&group);
    // Those that run first, then those that wait, the many before the few.
    const auto rank = [](const Group* group) {
        const ThreadState state = group->front()->thread.state;
        return state == ThreadState::running ? 0 : state == ThreadState::waiting ? 1 : 2;
    };
    std::stable_sort(groups.begin(), groups.end(), [&](const Group* a, const Group* b) {
        return rank(a) != rank(b) ? rank(a) < rank(b) : a->size() > b->size();
    });
    std::string text = summary(look);
    for (const std::size_t worker : look.silent) text += silence(worker);
    for (const Group* group : groups) {
        text += "\n" + heading(*group);
        const Frames& frames = group->front()->frames;
        for (const std::string& line : describe_stack(frames)) text += "    " + line + "\n";
        if (frames.missing != nullptr)
            text += "    (its stack is not known: " + std::string(frames.missing) + ")\n";
    }
    return text;
}

}  // namespace thrum::internal
