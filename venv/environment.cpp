// thrum/venv/environment.cpp: floor 5, venv
#include <thrum/venv/environment.hpp>
#include <thrum/venv/internal/paths.hpp>

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace thrum::venv {

Environment::Environment(const std::filesystem::path& path)
    : path_(internal::absolute_path(path)), configuration_(read_configuration(path_)) {}

std::string Environment::python_version() const {
    // `version` is what venv writes; virtualenv calls it version_info and adds a release level.
    std::string_view version = value_of(configuration_, "version");
    if (version.empty()) version = value_of(configuration_, "version_info");
    const std::size_t end = version.find_first_not_of("0123456789.");
    version = version.substr(0, end);
    while (version.ends_with('.')) version.remove_suffix(1);
    if (version.empty()) {
        throw NotAnEnvironmentError(path_.string() + " does not say its Python version in " +
                                    configuration_name + "; make it anew with thrum venv --clear");
    }
    return std::string(version);
}

std::vector<std::filesystem::path> Environment::site_packages() const {
    std::vector<std::filesystem::path> folders;
    std::error_code code;
    // lib64 is a link to lib in most environments; a folder of its own with some builds' platlib.
    for (const char* library : {"lib", "lib64"}) {
        if (std::filesystem::is_symlink(path_ / library, code)) continue;
        std::filesystem::directory_iterator entry(path_ / library, code);
        for (; !code && entry != std::filesystem::directory_iterator(); entry.increment(code)) {
            const std::filesystem::path folder = entry->path() / "site-packages";
            std::error_code unreadable;
            if (std::filesystem::is_directory(folder, unreadable)) folders.push_back(folder);
        }
    }
    std::ranges::sort(folders);
    return folders;
}

std::vector<Package> Environment::packages() const {
    std::vector<Package> packages;
    for (const std::filesystem::path& folder : site_packages()) {
        for (Package& package : installed_packages(folder)) packages.push_back(std::move(package));
    }
    std::ranges::stable_sort(packages, {},
                             [](const Package& package) { return normalized_name(package.name); });
    return packages;
}

CompletedProcess Environment::run(const std::vector<std::string>& arguments,
                                  const ProcessOptions& options) const {
    const char* outer = std::getenv("PATH");
    std::string search_path = scripts().string();
    if (outer != nullptr && *outer != '\0') search_path.append(":").append(outer);
    ProcessOptions inside = options;
    inside.environment = {
        {"VIRTUAL_ENV", path_.string()}, {"PATH", search_path}, {"PYTHONHOME", std::nullopt}};
    inside.environment.insert(inside.environment.end(), options.environment.begin(),
                              options.environment.end());
    return run_process(arguments, inside);
}

}  // namespace thrum::venv
