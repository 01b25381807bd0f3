// thrum/venv/interpreter.cpp: floor 5, venv
#include <thrum/base/text.hpp>
#include <thrum/venv/configuration.hpp>
#include <thrum/venv/internal/interpreter_query.hpp>
#include <thrum/venv/interpreter.hpp>
#include <thrum/venv/process.hpp>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <system_error>
#include <utility>

namespace thrum::venv {
namespace {

// Of a failed interpreter's complaint, in bytes.
constexpr std::size_t shown_complaint = 160;

using Facts = std::map<std::string, std::string, std::less<>>;

// Empty when `output` is not an answer.
Facts read_facts(std::string_view output) {
    const std::string mark = std::string(internal::query_mark) + '\0';
    const std::size_t start = output.find(mark);
    Facts facts;
    if (start == output.npos || !output.ends_with('\0')) return facts;
    const auto pieces = split(output.substr(start + mark.size()), '\0');
    for (std::size_t index = 0; index + 1 < pieces.size(); index += 2) {
        facts.emplace(std::string(pieces[index]), std::string(pieces[index + 1]));
    }
    return facts;
}

int number(const Facts& facts, std::string_view name) {
    const auto found = facts.find(name);
    return found == facts.end() ? 0 : static_cast<int>(parse_unsigned(found->second).value_or(0));
}

// The line of the interpreter's complaint that says most: of a traceback the last, else the first.
std::string complaint(const CompletedProcess& result) {
    const std::string_view text = trim(result.errors);
    const bool last = text.starts_with("Traceback") || text.starts_with("Fatal");
    const std::size_t end = last ? text.rfind('\n') : text.find('\n');
    std::string line = on_one_line(trim(end == text.npos ? text
                                        : last           ? text.substr(end)
                                                         : text.substr(0, end)));
    if (line.size() > shown_complaint) line = line.substr(0, shown_complaint) + "…";
    return line.empty() ? "" : ": " + line;
}

[[noreturn]] void throw_not_answered(const std::string& name, const CompletedProcess& result) {
    // Python 2 does not know -I (new in 3.4) and says so in its usage message.
    if (result.errors.find("nknown option: -I") != std::string::npos) {
        throw InterpreterError(name + " is Python 2 or an early Python 3; Python 3.8 or newer is needed");
    }
    if (result.ok())
        throw InterpreterError(name + " is not a Python interpreter: it ran, but did not answer");
    const bool crashed = result.status < 0;
    throw InterpreterError(name + (crashed ? " crashed: it " : " is not a working Python interpreter: it ") +
                           describe_status(result.status) + complaint(result));
}

Interpreter from_facts(const Facts& facts) {
    const auto text = [&facts](std::string_view name) {
        const auto found = facts.find(name);
        return found == facts.end() ? std::string() : found->second;
    };
    Interpreter result;
    result.executable = text("executable");
    result.real_executable = text("real_executable");
    result.base_executable = text("base_executable");
    result.prefix = text("prefix");
    result.base_prefix = text("base_prefix");
    result.version = text("version");
    result.major = number(facts, "major");
    result.minor = number(facts, "minor");
    result.micro = number(facts, "micro");
    result.implementation = text("implementation");
    result.cache_tag = text("cache_tag");
    result.platform = text("platform");
    result.sys_platform = text("sys_platform");
    result.machine = text("machine");
    result.abi = text("abi");
    result.extension_suffix = text("extension_suffix");
    result.is_64_bit = number(facts, "is_64_bit") != 0;
    result.free_threaded = number(facts, "free_threaded") != 0;
    result.scheme = {text("purelib"), text("platlib"), text("scripts"), text("include")};
    return result;
}

// "3", "3.11", "3.11.7": one to three numbers; nothing else.
bool is_version(std::string_view request) {
    const auto parts = split(request, '.');
    return parts.size() <= 3 &&
           std::ranges::all_of(parts, [](auto part) { return parse_unsigned(part).has_value(); });
}

bool has_version(const Interpreter& interpreter, std::string_view wanted) {
    const std::string own = std::to_string(interpreter.major) + '.' + std::to_string(interpreter.minor) +
                            '.' + std::to_string(interpreter.micro) + '.';
    return own.starts_with(std::string(wanted) + '.');
}

std::vector<std::string> names_for(std::string_view request) {
    if (request.empty()) return {"python3", "python"};
    if (!is_version(request)) return {std::string(request)};
    const auto parts = split(request, '.');
    std::vector<std::string> names;
    if (parts.size() > 1) names.push_back("python" + std::string(parts[0]) + '.' + std::string(parts[1]));
    names.push_back("python" + std::string(parts[0]));
    names.emplace_back("python");
    return names;
}

std::string join(const std::vector<std::string>& texts, std::string_view separator) {
    std::string result;
    for (const std::string& text : texts) result.append(result.empty() ? "" : separator).append(text);
    return result;
}

// "3.11" or "3.11.7", and the interpreter that its place says is one.
struct Numbered {
    std::vector<unsigned long long> numbers;
    std::filesystem::path python;
};

std::vector<unsigned long long> numbers_of(std::string_view version) {
    std::vector<unsigned long long> numbers;
    for (const std::string_view part : split(version, '.'))
        numbers.push_back(parse_unsigned(part).value_or(0));
    return numbers;
}

// The bin/python3 of each of pyenv's versions that `version` means (all where it is empty), newest first.
std::vector<Numbered> pyenv_versions(std::string_view version) {
    const char* root = std::getenv("PYENV_ROOT");
    const char* home = std::getenv("HOME");
    if (root == nullptr && home == nullptr) return {};
    const std::filesystem::path versions =
        (root != nullptr ? std::filesystem::path(root) : std::filesystem::path(home) / ".pyenv") / "versions";
    std::vector<Numbered> found;
    std::error_code code;
    std::filesystem::directory_iterator entry(versions, code);
    for (; !code && entry != std::filesystem::directory_iterator(); entry.increment(code)) {
        const std::string name = entry->path().filename().string();
        const std::filesystem::path python = entry->path() / "bin/python3";
        if (!is_version(name)) continue;
        if (!version.empty() && !(name + '.').starts_with(std::string(version) + '.')) continue;
        if (find_program(python.string(), {})) found.push_back({numbers_of(name), python});
    }
    std::ranges::sort(found, std::ranges::greater(), &Numbered::numbers);
    return found;
}

// The end of a message: which versions there are to choose from, by name alone and without running anything
// (python3.N on PATH, and pyenv's), newest first; or how to get one where there is none.
std::string choices(std::string_view search_path) {
    std::set<std::vector<unsigned long long>, std::greater<>> found;
    const auto add = [&found](std::vector<unsigned long long> numbers) {
        if (numbers.size() < 2 || numbers[0] != 3 || numbers[1] < oldest_minor_version) return;
        numbers.resize(2);
        found.insert(std::move(numbers));
    };
    for (const Numbered& version : pyenv_versions({})) add(version.numbers);
    for (const std::string_view folder : split(search_path, ':')) {
        std::error_code code;
        std::filesystem::directory_iterator entry(folder, code);
        for (; !code && entry != std::filesystem::directory_iterator(); entry.increment(code)) {
            const std::string name = entry->path().filename().string();
            if (!name.starts_with("python3.") || !is_version(std::string_view(name).substr(6))) continue;
            if (find_program(entry->path().string(), {})) add(numbers_of(std::string_view(name).substr(6)));
        }
    }
    if (found.empty()) return "; install it, or give --python with a path";
    std::vector<std::string> shown;
    for (const auto& numbers : found) shown.push_back("3." + std::to_string(numbers[1]));
    return "; here are " + join(shown, ", ") + ": choose one with --python " + shown.front() +
           ", give --python with a path, or install it";
}

bool is_path(std::string_view request) { return request.find('/') != request.npos; }

}  // namespace

Interpreter query_interpreter(const std::filesystem::path& executable) {
    const std::string name = executable.string();
    CompletedProcess result;
    try {
        result = run_process({name, "-I", "-S", "-B", "-c", internal::interpreter_query},
                             {.deadline = deadline_after(interpreter_query_time)});
    } catch (const TimeoutError&) {
        if (current_deadline() <= std::chrono::steady_clock::now()) throw;
        throw InterpreterError(name + " is not a working Python interpreter: it did not answer within " +
                               std::to_string(interpreter_query_time.count()) + " s");
    } catch (const OSError& error) {
        throw InterpreterError(error.what());
    }
    const Facts facts = read_facts(result.output);
    if (facts.empty()) throw_not_answered(name, result);
    Interpreter interpreter = from_facts(facts);
    if (interpreter.major != 3 || interpreter.minor < oldest_minor_version) {
        throw InterpreterError(name + " is Python " + interpreter.version + "; Python 3." +
                               std::to_string(oldest_minor_version) + " or newer is needed");
    }
    if (!interpreter.executable.is_absolute() || !interpreter.base_executable.is_absolute()) {
        throw InterpreterError(name +
                               " does not know its own path; give --python with the path of the real file");
    }
    return interpreter;
}

std::vector<std::filesystem::path> interpreter_candidates(std::string_view request,
                                                          std::string_view search_path) {
    std::vector<std::filesystem::path> candidates;
    const auto add = [&candidates](const std::string& name, std::string_view folders) {
        const auto program = find_program(name, folders);
        if (program && std::ranges::find(candidates, *program) == candidates.end())
            candidates.push_back(*program);
    };
    if (is_path(request)) {
        std::error_code ignored;
        const std::filesystem::path path(request);
        if (!std::filesystem::is_directory(path, ignored)) {
            add(path.string(), {});
        } else {
            for (const char* name : {"bin/python3", "bin/python", "python3", "python"}) add(path / name, {});
        }
        return candidates;
    }
    for (const std::string& name : names_for(request)) {
        for (const std::string_view folder : split(search_path, ':')) add(name, folder);
    }
    return candidates;
}

Interpreter find_interpreter(std::string_view request) {
    const char* path = std::getenv("PATH");
    const std::string search_path = path == nullptr ? "/usr/bin:/bin" : path;
    auto candidates = interpreter_candidates(request, search_path);
    if (is_version(request)) {
        for (Numbered& candidate : pyenv_versions(request)) candidates.push_back(std::move(candidate.python));
    }
    const std::string wanted =
        request.empty() ? "no Python found" : "no Python found for '" + std::string(request) + "'";
    if (candidates.empty()) {
        if (is_path(request))
            throw InterpreterError(wanted +
                                   ": there is no executable file of that name; give a path, a version "
                                   "(3.11) or a name on PATH");
        throw InterpreterError(wanted + ": looked for " + join(names_for(request), ", ") + " on PATH (" +
                               search_path + ")" + choices(search_path));
    }
    std::vector<std::string> reasons;
    std::set<std::filesystem::path> tried;
    for (const std::filesystem::path& candidate : candidates) {
        // /bin is /usr/bin as often as not, and is told of once. The file itself is not followed: a link
        // inside an environment is another interpreter than what it leads to.
        std::error_code ignored;
        const auto folder = std::filesystem::weakly_canonical(candidate.parent_path(), ignored);
        if (!tried.insert(folder / candidate.filename()).second) continue;
        try {
            Interpreter interpreter = query_interpreter(candidate);
            if (!is_version(request) || has_version(interpreter, request)) return interpreter;
            reasons.push_back(candidate.string() + " is Python " + interpreter.version);
        } catch (const InterpreterError& error) {
            reasons.emplace_back(error.what());
        }
    }
    if (reasons.size() == 1 && !is_version(request)) throw InterpreterError(reasons.front());
    throw InterpreterError(wanted + ": " + join(reasons, "; ") +
                           (is_path(request) ? "" : choices(search_path)));
}

}  // namespace thrum::venv
