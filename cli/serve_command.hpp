// thrum/cli/serve_command.hpp: front door, cli
// `thrum serve`: serves the files of a folder over HTTP.
#pragma once

namespace CLI {
class App;
}

namespace thrum::cli {

// Adds the command to `app`; where it is the one that was asked for, parsing runs it and sets `status`.
void add_serve_command(CLI::App& app, int& status);

}  // namespace thrum::cli
