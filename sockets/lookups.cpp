// thrum/sockets/lookups.cpp: floor 2, sockets
// Who asks for a name that another asks for already waits with it.
#include <thrum/sockets/internal/lookups.hpp>
#include <thrum/threads/to_thread.hpp>

#include <netdb.h>

#include <mutex>
#include <new>

namespace thrum::internal {
namespace {

// Whether it would be the same if asked again at once. A name server that did not answer may.
bool is_lasting(const LookupAnswer& answer) noexcept {
    return answer.status == EAI_NONAME || answer.status == EAI_NODATA || answer.status == EAI_ADDRFAMILY;
}

// Held whatever the holder's cancels and deadlines.
class Shielded {
public:
    explicit Shielded(Lock& lock) noexcept : lock_(lock) { lock_.lock_shielded(); }
    Shielded(const Shielded&) = delete;
    Shielded& operator=(const Shielded&) = delete;
    ~Shielded() { lock_.unlock(); }

private:
    Lock& lock_;
};

}  // namespace

LookupAnswer Lookups::find(const std::string& host, int family) {
    const Key key(host, family);
    bool begin = false;
    const std::shared_ptr<Lookup> lookup = join(key, begin);
    if (begin) {
        try {
            to_thread_abandonable([this, key, lookup] {
                LookupAnswer answer;
                try {
                    answer = ask_(key.first, key.second);
                } catch (const std::bad_alloc&) {
                    answer.status = EAI_MEMORY;
                }
                finish(key, lookup, std::move(answer));
            });
        } catch (const TimeoutError&) {
            throw;
        } catch (const OSError& error) {
            // No thread could be started: those who wait already must hear of it.
            finish(key, lookup, {.status = EAI_SYSTEM, .os_error = error.code()});
        } catch (const std::bad_alloc&) {
            finish(key, lookup, {.status = EAI_MEMORY});
        }
    }
    lookup->done.wait();
    return lookup->answer;
}

// The entry for `key`, fresh where `begin` is set.
std::shared_ptr<Lookups::Lookup> Lookups::join(const Key& key, bool& begin) {
    const Deadline now = deadline_after({});
    const Shielded holding(lock_);
    if (const auto entry = table_.find(key); entry != table_.end()) {
        Lookup& lookup = *entry->second;
        if (!lookup.kept) {
            ++statistics_.shared;
            return entry->second;
        }
        if (lookup.expires > now) {
            ++statistics_.hits;
            ages_.splice(ages_.end(), ages_, lookup.age);
            return entry->second;
        }
        drop(entry);
    }
    auto lookup = std::make_shared<Lookup>();
    table_.emplace(key, lookup);
    ++statistics_.lookups;
    begin = true;
    return lookup;
}

void Lookups::finish(const Key& key, const std::shared_ptr<Lookup>& lookup, LookupAnswer answer) noexcept {
    {
        const Shielded holding(lock_);
        lookup->answer = std::move(answer);
        const bool found = lookup->answer.status == 0;
        const auto time = found ? options_.keep : options_.keep_failures;
        const auto entry = table_.find(key);
        // Cleared meanwhile, it belongs to those who wait for it, and to nobody after.
        if (entry != table_.end() && entry->second == lookup) {
            bool keep = (found || is_lasting(lookup->answer)) && time.count() > 0 && options_.max_entries > 0;
            if (keep) {
                try {
                    lookup->age = ages_.insert(ages_.end(), key);
                } catch (const std::bad_alloc&) {
                    keep = false;
                }
            }
            lookup->kept = keep;
            lookup->expires = deadline_after(time);
            keep ? shrink() : drop(entry);
        }
    }
    lookup->done.set();
}

void Lookups::drop(Table::iterator entry) noexcept {
    if (entry->second->kept) ages_.erase(entry->second->age);
    table_.erase(entry);
}

void Lookups::shrink() noexcept {
    while (ages_.size() > options_.max_entries) drop(table_.find(ages_.front()));
}

void Lookups::set_options(const ResolverOptions& options) {
    const Shielded holding(lock_);
    options_ = options;
    shrink();
}

void Lookups::clear() {
    const Shielded holding(lock_);
    table_.clear();
    ages_.clear();
}

ResolverStatistics Lookups::statistics() const {
    const Shielded holding(lock_);
    ResolverStatistics copy = statistics_;
    copy.entries = ages_.size();
    return copy;
}

}  // namespace thrum::internal
