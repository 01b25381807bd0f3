// thrum/venv/configuration.hpp: floor 5, venv
// pyvenv.cfg, the file that makes a folder an environment (PEP 405).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace thrum::venv {

inline constexpr char configuration_name[] = "pyvenv.cfg";

// What a pyvenv.cfg says, its keys in lower case. Read as site.py does: lines of `key = value`, others are
// passed over.
using Configuration = std::map<std::string, std::string, std::less<>>;
Configuration parse_configuration(std::string_view text);
// Of the environment in `folder`. Throws NotAnEnvironmentError when there is no such file, OSError.
Configuration read_configuration(const std::filesystem::path& folder);

// The value of `key`, or "".
std::string_view value_of(const Configuration& configuration, std::string_view key) noexcept;

// `text` as Python's repr() shows a str; bytes that are no UTF-8 as \xNN. (Of what is printable only the
// control, line and paragraph separator characters are known here, so that a rare unassigned one is shown as
// it is.)
std::string python_repr(std::string_view text);

// `text` on one line of valid UTF-8: line breaks, control characters and stray bytes as in repr(). For values
// that only people read; a stray line break there would begin a setting of its own.
std::string on_one_line(std::string_view text);

// Whether Python would read back exactly `text`: valid UTF-8, no line breaks, no white space at its ends.
bool is_configuration_value(std::string_view text) noexcept;

}  // namespace thrum::venv
