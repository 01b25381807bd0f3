// thrum/threads/internal/adaptive_spin.hpp: floor 1, threads
// Whether to wait on the spot for a moment before parking: worth it where what is waited for is held by
// another processor and soon let go, a waste where its holder is parked. The past of this OS thread tells.
#pragma once

#include <thrum/threads/internal/spin.hpp>

namespace thrum::internal {

class AdaptiveSpin {
public:
    // Calls attempt() at growing intervals, for a microsecond or two; true as soon as it succeeds.
    template <class Attempt>
    static bool wait(Attempt&& attempt) noexcept {
#if defined(THRUM_MODEL)
        return static_cast<void>(attempt), false;  // its scheduler knows no time
#else
        if (!worth_it()) return false;
        int pauses = 1;
        for (int round = 0; round < rounds; ++round) {
            for (int i = 0; i < pauses; ++i) cpu_relax();
            if (attempt()) {
                tell(true);
                return true;
            }
            if (pauses < most_pauses) pauses *= 2;
        }
        tell(false);
        return false;
#endif
    }

private:
    static constexpr int rounds = 9;
    static constexpr int most_pauses = 16;

    static bool worth_it() noexcept;
    static void tell(bool success) noexcept;
};

}  // namespace thrum::internal
