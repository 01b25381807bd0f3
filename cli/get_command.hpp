// thrum/cli/get_command.hpp: front door, cli
// `thrum get`: fetches URLs into files, many at once.
#pragma once

namespace CLI {
class App;
}

namespace thrum::cli {

// Adds the command to `app`; where it is the one that was asked for, parsing runs it and sets `status`.
void add_get_command(CLI::App& app, int& status);

}  // namespace thrum::cli
