// thrum/venv/create.cpp: floor 5, venv
// What may be made where, and how it comes into its place in one step.
#include <thrum/base/file.hpp>
#include <thrum/venv/create.hpp>
#include <thrum/venv/internal/builder.hpp>
#include <thrum/venv/internal/paths.hpp>
#include <thrum/venv/internal/temporary_folder.hpp>

#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <system_error>

namespace thrum::venv {
namespace {

using internal::Moved;

// What is at the path where an environment is to be.
enum class Found {
    nothing,
    empty_folder,
    environment,
    unfinished,  // an environment that was being made in place when the power went
    other_folder,
    other_file,
};

Found look(const std::filesystem::path& path) {
    std::error_code code;
    const auto type = std::filesystem::status(path, code).type();
    if (type == std::filesystem::file_type::not_found) {
        // A link that leads nowhere is in the way, too.
        return std::filesystem::is_symlink(path, code) ? Found::other_file : Found::nothing;
    }
    if (type == std::filesystem::file_type::none)
        throw_os_error(code.value(), "cannot look at " + path.string());
    if (type != std::filesystem::file_type::directory) return Found::other_file;
    if (std::filesystem::is_regular_file(path / configuration_name, code)) return Found::environment;
    if (std::filesystem::is_regular_file(path / (std::string(configuration_name) + ".part"), code)) {
        return Found::unfinished;
    }
    code.clear();
    const bool empty = std::filesystem::is_empty(path, code);
    if (code) throw_os_error(code.value(), "cannot look into " + path.string());
    return empty ? Found::empty_folder : Found::other_folder;
}

bool is_same(const std::filesystem::path& first, const std::filesystem::path& second) {
    std::error_code code;
    return first == second || (std::filesystem::equivalent(first, second, code) && !code);
}

// Places that are refused whatever they hold: --clear there would be a disaster, and ":" parts PATH.
void check_place(const std::filesystem::path& path) {
    const std::string text = path.string();
    const auto refuse = [&text](const std::string& why) {
        throw CreationError("cannot make an environment in " + on_one_line(text) + ": " + why);
    };
    if (text.find('\0') != text.npos) refuse("the path holds a NUL byte");
    if (text.find(':') != text.npos)
        refuse("the path holds ':', which separates the entries of PATH; choose another");
    if (is_same(path, "/")) refuse("it is the root folder; choose a folder of its own");
    const char* home = std::getenv("HOME");
    if (home != nullptr && *home != '\0' && is_same(path, internal::absolute_path(home))) {
        refuse("it is your home folder; choose a folder of its own, such as " + (path / ".venv").string());
    }
}

// An empty path, as of a variable that is not set, must not mean the present folder.
std::filesystem::path checked_absolute(const std::filesystem::path& path) {
    if (path.empty()) throw CreationError("cannot make an environment: the path is empty; name a folder");
    return internal::absolute_path(path);
}

void check_found(const std::filesystem::path& path, Found found, const Interpreter& interpreter, bool clear) {
    const std::string text = on_one_line(path.string());
    if (found == Found::other_file) {
        throw CreationError("cannot make an environment in " + text +
                            ": a file is in the way; remove it first");
    }
    if (found == Found::other_folder) {
        throw CreationError("cannot make an environment in " + text +
                            ": the folder is not empty and is no environment" +
                            (clear ? ", so it is not cleared; remove it yourself or choose another"
                                   : "; choose another or empty it first"));
    }
    if (found != Found::environment || clear) return;
    const std::string version = Environment(path).python_version();
    const std::string own = std::to_string(interpreter.major) + '.' + std::to_string(interpreter.minor);
    if (version != own && !version.starts_with(own + '.')) {
        throw CreationError("cannot make an environment of Python " + interpreter.version + " in " + text +
                            ": there is one of Python " + version +
                            "; replace it with --clear or choose another");
    }
}

// Whether the calling process is inside `path`: replacing that folder would leave its shell in a removed one.
bool holds_present_folder(const std::filesystem::path& path) {
    std::error_code code;
    const std::filesystem::path present = std::filesystem::current_path(code);
    const std::filesystem::path real = std::filesystem::canonical(path, code);
    if (code) return false;
    return std::mismatch(real.begin(), real.end(), present.begin(), present.end()).first == real.end();
}

// The last line of what ensurepip said, with the way out where it is known.
std::string seed_failure(const Interpreter& interpreter, const CompletedProcess& result) {
    const std::string said = result.errors + result.output;
    if (said.find("No module named ensurepip") != said.npos ||
        said.find("ensurepip is disabled") != said.npos ||
        said.find("ensurepip is not available") != said.npos) {
        const std::string package =
            "python" + std::to_string(interpreter.major) + '.' + std::to_string(interpreter.minor) + "-venv";
        return interpreter.base_executable.string() +
               " comes without ensurepip; on Debian and Ubuntu install " + package + " (apt install " +
               package + "), or leave out --seed";
    }
    try {
        result.check_returncode();
    } catch (const CalledProcessError& error) {
        return std::string("ensurepip failed: ") + error.what();
    }
    return "ensurepip failed";
}

void put_pip_inside(const std::filesystem::path& place, const Interpreter& interpreter) {
    const Environment environment(place);
    const CompletedProcess result = environment.run(
        {environment.python().string(), "-I", "-m", "ensurepip", "--upgrade", "--default-pip"},
        {.deadline = deadline_after(seed_time)});
    if (result.ok()) return;
    throw CreationError("cannot put pip into " + on_one_line(place.string()) + ": " +
                        seed_failure(interpreter, result));
}

// All that is done to a folder once it stands at `place`.
void build(const std::filesystem::path& folder, const std::filesystem::path& place,
           const Interpreter& interpreter, const CreateOptions& options) {
    // ensurepip would take a pip among the system's packages for the environment's own (bpo-24875).
    CreateOptions first = options;
    if (options.seed) first.system_site_packages = false;
    internal::build_environment(folder, place, interpreter, first);
}

void seed(const std::filesystem::path& place, const Interpreter& interpreter, const CreateOptions& options) {
    if (!options.seed) return;
    put_pip_inside(place, interpreter);
    if (!options.system_site_packages) return;
    write_file(place / configuration_name, internal::configuration_text(interpreter, place, options));
}

// After a failure: `place` holds again what was there, the old environment, an empty folder or nothing.
void put_back(const std::filesystem::path& place, const std::filesystem::path& made, Found found) noexcept {
    try {
        if (found == Found::empty_folder) internal::make_folders(made);
        if (found == Found::nothing) {
            internal::move_folder(place, made);
        } else {
            internal::exchange_folders(place, made);
        }
    } catch (const OSError&) {  // the first failure is the one to tell
    }
}

// Makes the environment beside its place and moves it there; false where that cannot be.
bool create_beside(const std::filesystem::path& place, Found found, const Interpreter& interpreter,
                   const CreateOptions& options) {
    std::optional<internal::TemporaryFolder> workshop;
    try {
        workshop.emplace(place.parent_path() / ".thrum-venv-");
    } catch (const OSError& error) {
        // The folder above may not be ours; the place itself still may.
        if (found == Found::nothing) throw_os_error(error.code(), "cannot make the folder " + place.string());
        return false;
    }
    const std::filesystem::path made = workshop->path() / "environment";
    internal::make_folders(made);
    build(made, place, interpreter, options);
    const bool replaces = found == Found::environment || found == Found::unfinished;
    const Moved moved =
        replaces ? internal::exchange_folders(made, place) : internal::move_folder(made, place);
    if (moved == Moved::not_possible) return false;
    try {
        seed(place, interpreter, options);
    } catch (...) {
        put_back(place, made, found);
        throw;
    }
    internal::remove_tree(workshop->path());
    return true;
}

void create_in_place(const std::filesystem::path& place, Found found, const Interpreter& interpreter,
                     const CreateOptions& options) {
    const bool anew = found != Found::environment || options.clear;
    // pyvenv.cfg stays until the new one takes its place: at every moment the folder can be told for what it
    // is.
    if (anew && found == Found::environment) internal::empty_folder(place, configuration_name);
    if (found == Found::unfinished) internal::empty_folder(place);
    try {
        build(place, place, interpreter, options);
        seed(place, interpreter, options);
    } catch (...) {
        if (anew) internal::empty_folder(place);
        throw;
    }
}

}  // namespace

Environment create(const std::filesystem::path& path, const CreateOptions& options) {
    // Before the interpreter is looked for: a place that cannot be is the nearer error.
    check_place(checked_absolute(path));
    return create(path, find_interpreter(options.python), options);
}

Environment create(const std::filesystem::path& path, const Interpreter& interpreter,
                   const CreateOptions& options) {
    const std::filesystem::path place = checked_absolute(path);
    check_place(place);
    const Found found = look(place);
    check_found(place, found, interpreter, options.clear);
    internal::make_folders(place.parent_path());
    std::error_code code;
    const bool keeps_its_folder =
        found != Found::nothing && (std::filesystem::is_symlink(place, code) || holds_present_folder(place) ||
                                    (found == Found::environment && !options.clear));
    if (keeps_its_folder || !create_beside(place, found, interpreter, options)) {
        create_in_place(place, found, interpreter, options);
    }
    return Environment(place);
}

}  // namespace thrum::venv
