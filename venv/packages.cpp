// thrum/venv/packages.cpp: floor 5, venv
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/base/text.hpp>
#include <thrum/venv/packages.hpp>

#include <algorithm>
#include <optional>
#include <system_error>

namespace thrum::venv {
namespace {

// The headers of METADATA end at the first empty line; after it comes the description, which may look like
// headers.
std::optional<Package> read_package(const std::filesystem::path& folder) {
    std::string text;
    try {
        text = read_file(folder / "METADATA");
    } catch (const OSError&) {
        return std::nullopt;
    }
    Package package;
    package.location = folder;
    for (const std::string_view raw : split(text, '\n')) {
        const std::string_view line = trim(raw, "\r");
        if (line.empty()) break;
        const std::size_t colon = line.find(':');
        if (colon == line.npos || line.front() == ' ' || line.front() == '\t') continue;
        const std::string_view value = trim(line.substr(colon + 1));
        if (iequals(line.substr(0, colon), "Name") && package.name.empty()) package.name = value;
        if (iequals(line.substr(0, colon), "Version") && package.version.empty()) package.version = value;
    }
    if (package.name.empty() || package.version.empty()) return std::nullopt;
    return package;
}

}  // namespace

std::string normalized_name(std::string_view name) {
    std::string result;
    for (const char c : name) {
        const bool separator = c == '-' || c == '_' || c == '.';
        if (!separator) {
            result += ascii_lower(c);
        } else if (!result.ends_with('-')) {
            result += '-';
        }
    }
    return result;
}

std::vector<Package> installed_packages(const std::filesystem::path& site_packages) {
    std::vector<Package> packages;
    std::error_code code;
    std::filesystem::directory_iterator entry(site_packages, code);
    for (; !code && entry != std::filesystem::directory_iterator(); entry.increment(code)) {
        if (entry->path().extension() != ".dist-info") continue;
        if (auto package = read_package(entry->path())) packages.push_back(std::move(*package));
    }
    if (code && code.value() != ENOENT && code.value() != ENOTDIR) {
        throw_os_error(code.value(), "cannot list " + site_packages.string());
    }
    std::ranges::sort(packages, {}, [](const Package& package) { return normalized_name(package.name); });
    return packages;
}

}  // namespace thrum::venv
