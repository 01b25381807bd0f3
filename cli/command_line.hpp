// thrum/cli/command_line.hpp: front door, cli
// From arguments to an exit status: the whole command but main() itself, so that tests can call it.
#pragma once

namespace thrum::cli {

// What `thrum` ends with: everything done; something failed; the command line was wrong. A command stopped by
// Ctrl-C ends with 128 + the signal's number, as shells do it; so does one whose standard output nobody reads
// any more (SIGPIPE).
inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_reader_gone = 141;

// Runs the command that `argv` names and returns its exit status. Errors are told in one line on standard
// error. To be called once, by the main thread, before the process has other threads (it blocks signals for
// all of them).
int run_command_line(int argc, char** argv);

}  // namespace thrum::cli
