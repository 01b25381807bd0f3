// thrum/cli/manual.hpp: front door, cli
// Manual pages, in the language of man(7).
#pragma once

#include <thrum/cli/described.hpp>

#include <string>
#include <vector>

namespace thrum::cli {

// thrum(1), which names the others; and thrum-get(1) and its like.
std::string manual_of_all(const std::vector<DescribedCommand>& all, const std::string& version);
std::string manual_of(const DescribedCommand& command, const std::string& version);

}  // namespace thrum::cli
