// thrum/cli/command_fixture.hpp: front door, cli
// For the tests: the command as it was built.
#pragma once

#include <string>

namespace thrum::cli {

inline const std::string thrum_command = std::string(THRUM_BINARY_DIR) + "/cli/thrum";

}  // namespace thrum::cli
