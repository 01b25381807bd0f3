// thrum/fetch/naming.cpp: floor 5, fetch
#include <thrum/base/text.hpp>
#include <thrum/fetch/naming.hpp>
#include <thrum/fetch/utf8.hpp>
#include <thrum/http/headers.hpp>

#include <algorithm>
#include <vector>

namespace thrum::fetch {

namespace {

constexpr std::string_view part_ending = ".part";

// The names of devices, which Windows refuses with any extension ("Naming Files, Paths, and Namespaces").
bool is_device_name(std::string_view name) {
    const std::string_view stem = trim(name.substr(0, name.find('.')), " ");
    for (const std::string_view device : {"con", "prn", "aux", "nul"}) {
        if (iequals(stem, device)) return true;
    }
    return stem.size() == 4 && is_digit(stem[3]) && stem[3] != '0' &&
           (iequals(stem.substr(0, 3), "com") || iequals(stem.substr(0, 3), "lpt"));
}

// Cuts `text` to at most `limit` bytes, never through a character.
std::string_view clip(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return text;
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
    return text.substr(0, limit);
}

// stem + ending + extension in at most max_name_bytes, the stem giving way.
std::string join_name(const NameParts& parts, std::string_view ending) {
    const std::size_t fixed = ending.size() + parts.extension.size();
    return std::string(clip(parts.stem, max_name_bytes - fixed)).append(ending).append(parts.extension);
}

std::string_view last_path_part(std::string_view path) {
    const auto at = path.find_last_of("/\\");
    return at == std::string_view::npos ? path : path.substr(at + 1);
}

std::string_view take_token(std::string_view& text) {
    std::size_t length = 0;
    while (length < text.size() && http::is_token(text.substr(length, 1))) ++length;
    const std::string_view token = text.substr(0, length);
    text.remove_prefix(length);
    return token;
}

void skip_spaces(std::string_view& text) {
    while (!text.empty() && (text[0] == ' ' || text[0] == '\t')) text.remove_prefix(1);
}

// A quoted-string (RFC 9110 section 5.6.4) without its quotes; nothing where it does not end.
std::optional<std::string> take_quoted(std::string_view& text) {
    std::string value;
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (text[at] == '"') {
            text.remove_prefix(at + 1);
            return value;
        }
        if (text[at] == '\\' && ++at == text.size()) break;
        value += text[at];
    }
    return std::nullopt;
}

// ISO-8859-1 as UTF-8: its bytes are the first 256 characters of Unicode.
std::string from_latin1(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) append_utf8(text, static_cast<unsigned char>(c));
    return text;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const Character character = first_character(text);
        if (!character.valid) return false;
        text.remove_prefix(character.length);
    }
    return true;
}

// ext-value = charset "'" [ language ] "'" value-chars (RFC 8187 section 3.2.1).
std::optional<std::string> decode_ext_value(std::string_view value) {
    const std::vector<std::string_view> pieces = split(value, '\'');
    if (pieces.size() != 3) return std::nullopt;
    const std::string decoded = percent_decode(pieces[2]);
    if (iequals(pieces[0], "utf-8")) return is_utf8(decoded) ? std::optional(decoded) : std::nullopt;
    if (iequals(pieces[0], "iso-8859-1")) return from_latin1(decoded);
    return std::nullopt;
}

struct SuggestedNames {
    std::optional<std::string> plain;
    std::optional<std::string> extended;
};

// disposition-type *( ";" parameter ); what follows a part that is no parameter is not read.
SuggestedNames parse_disposition(std::string_view value) {
    SuggestedNames names;
    skip_spaces(value);
    // "filename=a.jpg" without a type is seen in the wild, and what it means is plain.
    const std::string_view before = value;
    take_token(value);
    skip_spaces(value);
    if (!value.empty() && value[0] == '=') value = before;
    for (;;) {
        while (!value.empty() && (value[0] == ';' || value[0] == ' ' || value[0] == '\t'))
            value.remove_prefix(1);
        const std::string_view parameter = take_token(value);
        skip_spaces(value);
        if (parameter.empty() || value.empty() || value[0] != '=') return names;
        value.remove_prefix(1);
        skip_spaces(value);
        std::optional<std::string> text;
        if (!value.empty() && value[0] == '"') {
            text = take_quoted(value);
            if (!text) return names;
        } else {
            // A token by the grammar; servers also send bare names with spaces, so it ends at the semicolon.
            const std::string_view bare = value.substr(0, value.find(';'));
            value.remove_prefix(bare.size());
            text = std::string(trim(bare));
        }
        if (iequals(parameter, "filename")) {
            if (!names.plain) names.plain = std::move(text);
        } else if (iequals(parameter, "filename*") && !names.extended) {
            names.extended = decode_ext_value(*text);
        }
    }
}

}  // namespace

NameParts split_name(std::string_view name) {
    auto dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0 || name.size() - dot > max_extension_bytes)
        return {name, {}};
    // ".tar.gz" and its kin are one extension.
    const auto inner = name.substr(0, dot).rfind('.');
    if (inner != std::string_view::npos && inner != 0 && iequals(name.substr(inner, dot - inner), ".tar"))
        dot = inner;
    return {name.substr(0, dot), name.substr(dot)};
}

std::string safe_name(std::string_view raw) {
    std::string name;
    for (std::string_view rest = raw; !rest.empty();) {
        const Character character = first_character(rest);
        const bool refused = !character.valid || is_treacherous(character.code) ||
                             (character.length == 1 &&
                              std::string_view("/\\:*?\"<>|").find(rest[0]) != std::string_view::npos);
        if (refused) {
            name += '_';
        } else {
            name += rest.substr(0, character.length);
        }
        rest.remove_prefix(character.length);
    }
    name.erase(0, std::min(name.find_first_not_of(". "), name.size()));
    name = trim(name, " ");
    name.erase(name.find_last_not_of(". ") + 1);
    if (name.empty()) return std::string(name_of_last_resort);
    // A leading minus would be an option to the next command that is given the folder's names.
    if (name[0] == '-' || is_device_name(name)) name.insert(0, "_");
    return name.size() <= max_name_bytes ? name : join_name(split_name(name), "");
}

std::string name_from_url(std::string_view url) {
    url = trim(url);
    url = url.substr(0, url.find('#'));
    url = url.substr(0, url.find('?'));
    if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
        url.remove_prefix(scheme + 3);
        const auto path = url.find_first_of("/\\");
        url = path == std::string_view::npos ? std::string_view() : url.substr(path);
    }
    // Split before decoding: an escaped separator is a character of the name, not a way out of the folder.
    const std::string segment = percent_decode(last_path_part(url));
    if (segment.empty() || segment == "." || segment == "..") return std::string(name_of_a_folder);
    return safe_name(segment);
}

std::optional<std::string> name_from_content_disposition(std::string_view value) {
    const SuggestedNames names = parse_disposition(value);
    std::string suggested;
    if (names.extended) {
        suggested = *names.extended;
    } else if (names.plain) {
        suggested = is_utf8(*names.plain) ? *names.plain : from_latin1(*names.plain);
    } else {
        return std::nullopt;
    }
    const std::string_view last = trim(last_path_part(suggested));
    if (last.empty() || last == "." || last == "..") return std::nullopt;
    return safe_name(last);
}

bool NameTable::is_taken(const std::string& name) const {
    if (taken_.contains(name) || taken_.contains(name + std::string(part_ending))) return true;
    return name.ends_with(part_ending) && taken_.contains(name.substr(0, name.size() - part_ending.size()));
}

std::string NameTable::claim(const std::string& name) {
    if (!is_taken(name)) {
        taken_.insert(name);
        return name;
    }
    unsigned& number = next_number_.try_emplace(name, 1).first->second;
    for (;; ++number) {
        std::string candidate = join_name(split_name(name), "-" + std::to_string(number));
        if (!is_taken(candidate)) {
            taken_.insert(candidate);
            return candidate;
        }
    }
}

}  // namespace thrum::fetch
