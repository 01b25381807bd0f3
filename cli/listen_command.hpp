// thrum/cli/listen_command.hpp: front door, cli
// `thrum listen`: waits for a client, and joins it with standard input and output or with a program.
#pragma once

namespace CLI {
class App;
}

namespace thrum::cli {

// Adds the command to `app`; where it is the one that was asked for, parsing runs it and sets `status`.
void add_listen_command(CLI::App& app, int& status);

}  // namespace thrum::cli
