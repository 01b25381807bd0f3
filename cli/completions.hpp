// thrum/cli/completions.hpp: front door, cli
// What shells propose behind `thrum`: scripts for bash, zsh and fish.
#pragma once

#include <thrum/cli/described.hpp>

#include <string>
#include <vector>

namespace thrum::cli {

// A function and the line that joins it to the command; for bash 4.4 and later.
std::string bash_completion(const std::vector<DescribedCommand>& all);
// To be named _thrum, in a folder of $fpath.
std::string zsh_completion(const std::vector<DescribedCommand>& all);
// For fish 3 and later.
std::string fish_completion(const std::vector<DescribedCommand>& all);

}  // namespace thrum::cli
