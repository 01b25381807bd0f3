// thrum/cli/arguments.cpp: front door, cli
#include <thrum/base/errors.hpp>
#include <thrum/base/text.hpp>
#include <thrum/cli/arguments.hpp>
#include <thrum/fetch/download.hpp>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <utility>

namespace thrum::cli {

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    constexpr double milliseconds_per_day = 86'400'000;
    struct Unit {
        std::string_view name;
        double milliseconds;
    };
    double scale = 1000;
    for (const Unit unit : {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}}) {
        if (text.ends_with(unit.name)) {
            text.remove_suffix(unit.name.size());
            scale = unit.milliseconds;
            break;
        }
    }
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    if (text.empty() || !is_digit(text[0]) || error != std::errc() || stopped != end) return std::nullopt;
    number *= scale;
    if (number > milliseconds_per_day) return std::nullopt;
    return std::chrono::milliseconds(std::llround(number));
}

std::optional<std::chrono::nanoseconds> parse_time(const std::string& option, const std::string& text) {
    if (text.empty()) return std::nullopt;
    const auto time = parse_duration(text);
    if (!time || time->count() == 0)
        throw CLI::ValidationError(option + ": " + text + " is no time, such as 5s or 500ms");
    return *time;
}

std::optional<HostAndPort> parse_host_and_port(std::string_view text, const HostAndPort& defaults) {
    if (text.empty()) return defaults;
    HostAndPort parsed = defaults;
    std::string_view port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        parsed.host = text.substr(1, close - 1);
        text.remove_prefix(close + 1);
        if (!text.empty() && text[0] != ':') return std::nullopt;
        has_port = !text.empty();
        if (has_port) port = text.substr(1);
    } else if (const auto colon = text.find(':'); colon == std::string_view::npos) {
        has_port = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
        if (has_port) port = text;
        if (!has_port) parsed.host = text;
    } else if (text.find(':', colon + 1) != std::string_view::npos) {
        parsed.host = text;  // an IPv6 address without a port
    } else {
        has_port = true;
        port = text.substr(colon + 1);
        if (colon > 0) parsed.host = text.substr(0, colon);
    }
    if (has_port) {
        const auto number = parse_unsigned(port);
        if (!number || *number > 65535) return std::nullopt;
        parsed.port = static_cast<int>(*number);
    }
    return parsed.host.empty() ? std::nullopt : std::optional(parsed);
}

std::vector<std::string> parse_url_list(std::string_view text) {
    std::vector<std::string> urls;
    // Editors of Windows put one before the text (U+FEFF, RFC 3629 section 6).
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    for (const std::string_view line : split(text, '\n')) {
        const std::string_view url = trim(line);
        if (!url.empty() && url[0] != '#') urls.emplace_back(url);
    }
    return urls;
}

std::function<std::string(const std::string&)> not_empty(const char* what, const char* advice) {
    return [what, advice](const std::string& text) {
        return text.empty() ? std::string("the ") + what + " is empty; " + advice : std::string();
    };
}

std::vector<std::string> take_duplicates(std::vector<std::string>& texts) {
    const std::vector<std::optional<std::size_t>> firsts = fetch::first_mentions(texts);
    std::vector<std::string> once;
    std::vector<std::string> repeated;
    std::vector<bool> is_told(texts.size());
    for (std::size_t place = 0; place < texts.size(); ++place) {
        if (!firsts[place]) {
            once.push_back(texts[place]);
        } else if (!is_told[*firsts[place]]) {
            is_told[*firsts[place]] = true;
            repeated.push_back(texts[place]);
        }
    }
    texts = std::move(once);
    return repeated;
}

void add_trust_options(CLI::App& command, std::string& ca, bool& insecure, const std::string& may) {
    command.add_option("--cacert", ca, "Trust the authorities of this PEM file instead of the system's")
        ->type_name("FILE")
        ->check(CLI::Validator(CLI::ExistingPath).description(""));
    command.add_flag("--insecure", insecure, "Trust every certificate: anyone may " + may);
}

std::string read_standard_input() {
    std::string content;
    char buffer[16384];
    for (;;) {
        const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
        if (got == 0) return content;
        if (got > 0) {
            content.append(buffer, static_cast<std::size_t>(got));
        } else if (errno != EINTR) {
            throw_os_error(errno, "cannot read standard input");
        }
    }
}

}  // namespace thrum::cli
