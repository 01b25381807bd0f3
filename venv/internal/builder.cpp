// thrum/venv/internal/builder.cpp: floor 5, venv
// What each version of Python makes, read off the trees that `python -m venv` of 3.8 to 3.13 leaves.
#include <thrum/base/file.hpp>
#include <thrum/venv/activation.hpp>
#include <thrum/venv/configuration.hpp>
#include <thrum/venv/internal/builder.hpp>
#include <thrum/venv/internal/paths.hpp>

#include <algorithm>
#include <system_error>
#include <vector>

namespace thrum::venv::internal {
namespace {

// The first minor version of Python 3 that does each of these.
constexpr int links_its_minor_version = 9;  // bin/python3.9
constexpr int writes_its_command = 11;      // `executable` and `command` in pyvenv.cfg
constexpr int hides_from_git = 13;          // .gitignore

constexpr char git_ignore[] =
    "# Made by thrum venv: an environment is made anew, not kept under version control.\n*\n";

std::string prompt_of(const CreateOptions& options) {
    if (options.prompt != ".") return options.prompt;
    return absolute_path(".").filename().string();
}

std::string checked_value(const std::filesystem::path& path) {
    if (is_configuration_value(path.string())) return path.string();
    throw CreationError("cannot make an environment of the Python in " + on_one_line(path.string()) + ": " +
                        configuration_name +
                        " cannot hold this path; use a Python whose path is plain UTF-8 text");
}

// bin/NAME for the interpreter's own file name, and the names that people type, as links to it or copies of
// it.
void place_interpreter(const std::filesystem::path& scripts, const Interpreter& interpreter, bool copies) {
    const std::string own = interpreter.base_executable.filename().string();
    std::vector<std::string> names = {"python", "python3"};
    if (interpreter.minor >= links_its_minor_version)
        names.push_back("python3." + std::to_string(interpreter.minor));
    if (copies) {
        place_copy(interpreter.base_executable, scripts / own);
    } else {
        place_link(interpreter.base_executable, scripts / own);
    }
    for (const std::string& name : names) {
        if (name == own) continue;
        if (copies) {
            place_copy(interpreter.base_executable, scripts / name);
        } else {
            place_link(own, scripts / name);
        }
    }
}

}  // namespace

std::string configuration_text(const Interpreter& interpreter, const std::filesystem::path& place,
                               const CreateOptions& options) {
    const std::string version = std::to_string(interpreter.major) + '.' + std::to_string(interpreter.minor) +
                                '.' + std::to_string(interpreter.micro);
    std::string text = "home = " + checked_value(interpreter.base_executable.parent_path()) + '\n';
    text.append("include-system-site-packages = ")
        .append(options.system_site_packages ? "true\n" : "false\n");
    text.append("version = ").append(version).append("\n");
    if (!options.prompt.empty())
        text.append("prompt = ").append(python_repr(prompt_of(options))).append("\n");
    if (interpreter.minor < writes_its_command) return text;
    text.append("executable = ").append(checked_value(interpreter.real_executable)).append("\n");
    // Of no use but to readers, and the only place where the environment's own path stands.
    std::string command = interpreter.executable.string() + " -m venv";
    if (options.copies) command += " --copies";
    if (!options.seed) command += " --without-pip";
    if (options.system_site_packages) command += " --system-site-packages";
    if (options.clear) command += " --clear";
    if (!options.prompt.empty()) command.append(" --prompt=\"").append(options.prompt).append("\"");
    command.append(" ").append(place.string());
    text.append("command = ").append(on_one_line(command)).append("\n");
    return text;
}

void build_environment(const std::filesystem::path& folder, const std::filesystem::path& place,
                       const Interpreter& interpreter, const CreateOptions& options) {
    const std::string configuration = configuration_text(interpreter, place, options);
    // Open while the rest is made: after a crash the part says that this folder is an unfinished environment.
    AtomicFile configuration_file(folder / configuration_name);
    const std::filesystem::path scripts = folder / interpreter.scheme.scripts;
    for (const auto& path :
         {interpreter.scheme.include, interpreter.scheme.purelib, interpreter.scheme.scripts}) {
        make_folders(folder / path);
    }
    std::error_code code;
    const bool wants_lib64 = interpreter.is_64_bit && interpreter.sys_platform != "darwin";
    if (wants_lib64 && !std::filesystem::exists(std::filesystem::symlink_status(folder / "lib64", code))) {
        place_link("lib", folder / "lib64");
    }
    if (interpreter.minor >= hides_from_git) write_file(folder / ".gitignore", git_ignore);
    place_interpreter(scripts, interpreter, options.copies);
    const std::string prompt = options.prompt.empty() ? place.filename().string() : prompt_of(options);
    for (const ActivationScript& script :
         activation_scripts(place, interpreter.scheme.scripts.string(), prompt)) {
        write_file(scripts / script.name, script.text);
    }
    configuration_file.write(configuration);
    configuration_file.commit();
}

}  // namespace thrum::venv::internal
