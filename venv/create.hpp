// thrum/venv/create.hpp: floor 5, venv
// Makes virtual environments, to the same effect as `python -m venv`, without starting more than one Python.
#pragma once

#include <thrum/venv/environment.hpp>
#include <thrum/venv/interpreter.hpp>

#include <chrono>
#include <filesystem>
#include <string>

namespace thrum::venv {

// How long the interpreter's own ensurepip may take to put pip inside.
inline constexpr std::chrono::minutes seed_time{10};

struct CreateOptions {
    std::string python = {};  // which interpreter, see interpreter_candidates(); the one on PATH where empty
    std::string prompt = {};  // shown while active; the folder's name where empty; "." the present folder's
    bool clear = false;       // an environment that is there already is replaced, with all it holds
    bool system_site_packages = false;  // the system's packages can be imported inside
    bool copies = false;                // the interpreter is copied, not linked
    bool seed = false;                  // pip inside, by `python -m ensurepip`
};

// Makes an environment in the folder `path`, with the folders above it where they are missing. It appears
// whole: it is made beside `path` and renamed into place; with `clear` it changes places with the old one,
// which is back when putting pip inside fails. Where that cannot be (a mount point, a link, the present
// folder, an unwritable folder above) it is made in place, pyvenv.cfg last. An environment that is there
// already, without `clear`, keeps its packages and gets its links, scripts and pyvenv.cfg anew, as with
// `python -m venv`.
//
// Throws CreationError when `path` cannot be an environment (it holds ":", is "/" or the home folder), holds
// something else than an environment, holds one of another Python and `clear` is not set, or pip cannot be
// put inside; InterpreterError; OSError; TimeoutError; Cancelled. No half-made environment is left by any of
// them. Callable from any thread; two calls for one path at once are not supported.
Environment create(const std::filesystem::path& path, const CreateOptions& options = {});

// The same with an interpreter that was asked before; `options.python` is not used.
Environment create(const std::filesystem::path& path, const Interpreter& interpreter,
                   const CreateOptions& options);

}  // namespace thrum::venv
