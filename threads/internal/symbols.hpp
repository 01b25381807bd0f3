// thrum/threads/internal/symbols.hpp: floor 1, threads
// What an address of code is called: function, file and line, from the program's debugging information
// (libbacktrace, which comes with GCC), else from its dynamic symbols.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace thrum::internal {

struct Symbol {
    std::string function = {};  // demangled; empty where nothing is known
    std::string file = {};
    int line = 0;
};

// More than one where functions were inlined: innermost first. Thread-safe; remembers what it found.
const std::vector<Symbol>& symbols_at(std::uintptr_t address);

}  // namespace thrum::internal
