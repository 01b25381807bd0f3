// thrum/base/descriptor_shortage.hpp: floor 0, base
// What to do where no descriptor is left: every floor that opens something meets it.
#pragma once

#include <cerrno>
#include <string_view>

namespace thrum {

// Whether errno `code` says that there is no descriptor left: for this process (EMFILE), or in the whole
// system (ENFILE). Closing one of one's own helps.
constexpr bool is_out_of_descriptors(int code) noexcept { return code == EMFILE || code == ENFILE; }

// For messages that end with the system's words.
inline constexpr std::string_view descriptor_advice =
    "; raise the limit of open files (ulimit -n), or do less at once";

}  // namespace thrum
