// thrum/cli/proxy_command.hpp: front door, cli
// `thrum proxy`: takes clients in one place and connects each to another, and counts what goes.
#pragma once

namespace CLI {
class App;
}

namespace thrum::cli {

// Adds the command to `app`; where it is the one that was asked for, parsing runs it and sets `status`.
void add_proxy_command(CLI::App& app, int& status);

}  // namespace thrum::cli
