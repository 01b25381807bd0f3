// thrum/venv/internal/test_pythons_fixture.hpp: floor 5, venv
// For the tests: the Pythons of this machine.
#pragma once

#include <thrum/venv/errors.hpp>
#include <thrum/venv/interpreter.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace thrum::venv::internal {

// The system's own, the one that PATH gives, and those that pyenv keeps; each once, the system's first.
inline const std::vector<Interpreter>& test_pythons() {
    static const std::vector<Interpreter> pythons = [] {
        std::vector<Interpreter> found;
        const auto add = [&found](const std::string& request) {
            try {
                Interpreter python = find_interpreter(request);
                const bool known = std::ranges::any_of(found, [&python](const Interpreter& other) {
                    return other.real_executable == python.real_executable;
                });
                if (!known) found.push_back(std::move(python));
            } catch (const InterpreterError&) {
            }
        };
        add("/usr/bin/python3");
        add("");
        const char* pyenv = std::getenv("PYENV_ROOT");
        std::error_code code;
        std::filesystem::directory_iterator entry(
            std::filesystem::path(pyenv == nullptr ? "" : pyenv) / "versions", code);
        for (; !code && entry != std::filesystem::directory_iterator(); entry.increment(code))
            add(entry->path());
        return found;
    }();
    return pythons;
}

}  // namespace thrum::venv::internal
