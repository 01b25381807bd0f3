// thrum/sockets/internal/lookups.hpp: floor 2, sockets
// The cache of looked-up names: one look-up per name at a time, its answer kept for a while.
#pragma once

#include <thrum/sockets/address.hpp>
#include <thrum/sockets/resolver.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/lock.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace thrum::internal {

// What a look-up came to.
struct LookupAnswer {
    std::vector<Address> addresses = {};  // at port 0; empty where it failed
    int status = 0;                       // EAI_…
    int os_error = 0;                     // for EAI_SYSTEM
};

// Asks, blocking; on an OS thread. Must not throw but for memory.
using LookupFunction = std::function<LookupAnswer(const std::string& host, int family)>;

// Must outlive the look-ups it has begun, which their callers may leave: the resolver's own is never
// destroyed. Thread-safe.
class Lookups {
public:
    explicit Lookups(LookupFunction ask, const ResolverOptions& options = {})
        : ask_(std::move(ask)), options_(options) {}
    Lookups(const Lookups&) = delete;
    Lookups& operator=(const Lookups&) = delete;

    // The cached answer, that of a look-up under way, or one of its own. Throws TimeoutError and Cancelled;
    // the look-up goes on then for whoever else waits for it. Throws OSError where no OS thread can be had.
    LookupAnswer find(const std::string& host, int family);

    void set_options(const ResolverOptions& options);
    void clear();
    ResolverStatistics statistics() const;

private:
    using Key = std::pair<std::string, int>;
    // One look-up: under way until `done` is set, kept until `expires`.
    struct Lookup {
        Event done;
        LookupAnswer answer;  // written before `done`
        Deadline expires = never;
        std::list<Key>::iterator age = {};  // its place in ages_, once it is kept
        bool kept = false;
    };
    using Table = std::map<Key, std::shared_ptr<Lookup>>;

    std::shared_ptr<Lookup> join(const Key& key, bool& begin);
    void finish(const Key& key, const std::shared_ptr<Lookup>& lookup, LookupAnswer answer) noexcept;
    void drop(Table::iterator entry) noexcept;
    void shrink() noexcept;

    LookupFunction ask_;
    mutable Lock lock_;  // guards the rest; held for a few instructions
    ResolverOptions options_;
    Table table_;
    std::list<Key> ages_;  // of the answers kept, oldest use first
    ResolverStatistics statistics_;
};

}  // namespace thrum::internal
