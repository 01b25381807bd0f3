// thrum/cli/connect_command.hpp: front door, cli
// `thrum connect`: connects, and joins the connection with standard input and output or with a program.
#pragma once

namespace CLI {
class App;
}

namespace thrum::cli {

// Adds the command to `app`; where it is the one that was asked for, parsing runs it and sets `status`.
void add_connect_command(CLI::App& app, int& status);

}  // namespace thrum::cli
