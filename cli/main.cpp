// thrum/cli/main.cpp: front door, cli
// The command `thrum`.
#include <thrum/cli/command_line.hpp>

int main(int argc, char** argv) { return thrum::cli::run_command_line(argc, argv); }
