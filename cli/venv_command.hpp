// thrum/cli/venv_command.hpp: front door, cli
// `thrum venv`: makes a virtual environment.
#pragma once

namespace CLI {
class App;
}

namespace thrum::cli {

class DescriptorLimit;

// Adds the command to `app`; where it is the one that was asked for, parsing runs it and sets `status`. What
// goes wrong is told in one line on standard error. Python and pip run under the limit that was there before
// `limit`, which lives as long as `app`.
void add_venv_command(CLI::App& app, int& status, const DescriptorLimit& limit);

}  // namespace thrum::cli
