// thrum/cli/cli.hpp: front door, cli
// The commands of `thrum`; each is a small file that adds itself to the command line.
#pragma once

#include <thrum/cli/arguments.hpp>
#include <thrum/cli/child.hpp>
#include <thrum/cli/command_line.hpp>
#include <thrum/cli/completions.hpp>
#include <thrum/cli/connect_command.hpp>
#include <thrum/cli/described.hpp>
#include <thrum/cli/descriptor_limit.hpp>
#include <thrum/cli/documents_command.hpp>
#include <thrum/cli/exchange.hpp>
#include <thrum/cli/get_command.hpp>
#include <thrum/cli/hex_dump.hpp>
#include <thrum/cli/listen_command.hpp>
#include <thrum/cli/manual.hpp>
#include <thrum/cli/output.hpp>
#include <thrum/cli/proxy_command.hpp>
#include <thrum/cli/serve_command.hpp>
#include <thrum/cli/signals.hpp>
#include <thrum/cli/standard_stream.hpp>
#include <thrum/cli/venv_command.hpp>
