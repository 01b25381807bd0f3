// thrum/fetch/internal/naming_order.hpp: floor 5, fetch
// Names for the files of a run, the same whichever answer comes first.
#pragma once

#include <thrum/fetch/naming.hpp>
#include <thrum/threads/condition.hpp>
#include <thrum/threads/lock.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace thrum::fetch::internal {

// Every download has a reserved name, known before it begins. Where servers may suggest another, the
// suggestions are taken in the order of the downloads: a file that is whole waits for its name until all
// before it have said theirs, which they do when their answer begins. That wait ends, for downloads are begun
// in order too. Thread-safe, but for reserve().
class NamingOrder {
public:
    // To be called once, before all else.
    void reserve(const std::vector<std::string>& names);
    const std::string& reserved(std::size_t turn) const noexcept { return reserved_[turn]; }

    // The server answered, with a name of its own or without. A download that is tried again keeps its first
    // answer.
    void suggest(std::size_t turn, std::optional<std::string> name);
    // It failed for good and needs no name.
    void give_up(std::size_t turn);
    // Waits. Throws Cancelled, and TimeoutError when a deadline in force passes.
    std::string final_name(std::size_t turn);

private:
    enum class Answer : unsigned char { awaited, given, none };

    void advance();

    std::vector<std::string> reserved_;
    Lock lock_;  // guards what follows
    Condition advanced_;
    NameTable table_;
    std::vector<Answer> answers_;
    std::vector<std::string> names_;  // suggested, then final
    std::size_t decided_ = 0;         // so many have their final name, from the first on
};

}  // namespace thrum::fetch::internal
