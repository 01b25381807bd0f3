// thrum/cli/venv_command.hpp: front door, cli
// `thrum venv`: makes a virtual environment.
#pragma once

namespace CLI {
class App;
}

namespace thrum::cli {

// Adds the command to `app`; where it is the one that was asked for, parsing runs it and sets `status`. What
// goes wrong is told in one line on standard error.
void add_venv_command(CLI::App& app, int& status);

}  // namespace thrum::cli
