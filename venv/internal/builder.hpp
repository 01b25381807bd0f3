// thrum/venv/internal/builder.hpp: floor 5, venv
// Writes the files of an environment into a folder, wherever that folder will end up.
#pragma once

#include <thrum/venv/create.hpp>
#include <thrum/venv/interpreter.hpp>

#include <filesystem>
#include <string>

namespace thrum::venv::internal {

// The text of pyvenv.cfg that `python -m venv` of this version writes for the environment at `place`. Throws
// CreationError where the interpreter's path cannot be written there.
std::string configuration_text(const Interpreter& interpreter, const std::filesystem::path& place,
                               const CreateOptions& options);

// Makes the environment in `folder`, which exists, for use at `place`. What is there stays, links and files
// of the same names are replaced one by one, and pyvenv.cfg comes last. Throws CreationError, OSError.
void build_environment(const std::filesystem::path& folder, const std::filesystem::path& place,
                       const Interpreter& interpreter, const CreateOptions& options);

}  // namespace thrum::venv::internal
