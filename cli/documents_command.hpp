// thrum/cli/documents_command.hpp: front door, cli
// `thrum documents`, hidden: writes the manual pages and the shells' completions, for the build.
#pragma once

namespace CLI {
class App;
}

namespace thrum::cli {

// To be added last: it tells of all commands. `status` is set to what the process shall end with.
void add_documents_command(CLI::App& app, int& status);

}  // namespace thrum::cli
