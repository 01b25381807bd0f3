// thrum/http/headers.cpp: floor 3, http
// The checks that keep line breaks out of header sections, and the look-ups without regard to case.
#include <thrum/base/text.hpp>
#include <thrum/http/headers.hpp>
#include <thrum/http/internal/characters.hpp>

#include <algorithm>
#include <cstdio>
#include <ostream>

namespace thrum::http {
namespace {

// Optional white space, RFC 9110 §5.6.3.
constexpr std::string_view whitespace = " \t";
// What a message of ours quotes of a name that somebody sent.
constexpr std::size_t quoted_limit = 60;

// `text` for a message that people read: unprintable bytes escaped, the tail cut off.
std::string quoted(std::string_view text) {
    std::string result = "'";
    for (char c : text.substr(0, quoted_limit)) {
        if (c >= ' ' && c < 127) {
            result += c;
            continue;
        }
        char escaped[5];
        std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(c));
        result += escaped;
    }
    return result + (text.size() > quoted_limit ? "…'" : "'");
}

void check_name(std::string_view name) {
    if (is_token(name)) return;
    throw HeaderError(name.empty()
                          ? "a header cannot have an empty name"
                          : "the header name " + quoted(name) +
                                " has a character that names may not have; use letters, digits and -");
}

// The value without the white space around it, which is no part of it (RFC 9110 §5.5).
std::string_view checked_value(std::string_view name, std::string_view value) {
    value = trim(value, whitespace);
    if (is_field_value(value)) return value;
    throw HeaderError("the value of the header " + quoted(name) +
                      " has a line break, NUL or another control character; remove it");
}

}  // namespace

bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), internal::is_token_character);
}

bool is_field_value(std::string_view text) noexcept {
    if (!text.empty() && (whitespace.find(text.front()) != whitespace.npos ||
                          whitespace.find(text.back()) != whitespace.npos)) {
        return false;
    }
    return std::all_of(text.begin(), text.end(), internal::is_field_character);
}

Headers::Value& Headers::Value::operator=(std::string_view value) {
    headers_.set(name_, value);
    return *this;
}

const std::string& Headers::Value::str() const { return headers_.at(name_); }

std::ostream& operator<<(std::ostream& out, const Headers::Value& value) { return out << value.str(); }

Headers::Headers(std::initializer_list<value_type> fields) {
    fields_.reserve(fields.size());
    for (const auto& [name, value] : fields) add(name, value);
}

Headers::const_iterator Headers::find(std::string_view name) const noexcept {
    return std::find_if(fields_.begin(), fields_.end(),
                        [name](const value_type& field) { return iequals(field.first, name); });
}

const std::string& Headers::at(std::string_view name) const {
    const auto field = find(name);
    if (field == fields_.end()) throw HeaderError("there is no header " + quoted(name));
    return field->second;
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
    const auto field = find(name);
    if (field == fields_.end()) return std::nullopt;
    return field->second;
}

std::string_view Headers::get(std::string_view name, std::string_view otherwise) const noexcept {
    const auto field = find(name);
    return field == fields_.end() ? otherwise : std::string_view(field->second);
}

std::vector<std::string_view> Headers::get_all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& field : fields_) {
        if (iequals(field.first, name)) values.push_back(field.second);
    }
    return values;
}

std::string Headers::combined(std::string_view name) const {
    std::string result;
    bool first = true;
    for (const auto& field : fields_) {
        if (!iequals(field.first, name)) continue;
        if (!first) result += ", ";
        first = false;
        result += field.second;
    }
    return result;
}

void Headers::add(std::string_view name, std::string_view value) {
    check_name(name);
    fields_.emplace_back(name, checked_value(name, value));
}

void Headers::set(std::string_view name, std::string_view value) {
    check_name(name);
    std::string checked(checked_value(name, value));  // a copy: `value` may lie in a field that goes
    const auto first = find(name);
    if (first == fields_.end()) {
        fields_.emplace_back(name, std::move(checked));
        return;
    }
    const auto place = fields_.begin() + (first - fields_.begin());
    place->second = std::move(checked);
    const std::string kept = place->first;
    fields_.erase(std::remove_if(place + 1, fields_.end(),
                                 [&kept](const value_type& field) { return iequals(field.first, kept); }),
                  fields_.end());
}

void Headers::set_default(std::string_view name, std::string_view value) {
    if (!contains(name)) add(name, value);
}

void Headers::update(const Headers& others) {
    if (&others == this) return;
    for (const auto& [name, value] : others.fields_) remove(name);
    fields_.insert(fields_.end(), others.fields_.begin(), others.fields_.end());
}

std::size_t Headers::remove(std::string_view name) {
    const std::string kept(name);  // a copy: `name` may be that of a field that goes
    return std::erase_if(fields_, [&kept](const value_type& field) { return iequals(field.first, kept); });
}

void Headers::write_to(std::string& out) const {
    for (const auto& [name, value] : fields_) {
        out += name;
        out += ": ";
        out += value;
        out += "\r\n";
    }
}

}  // namespace thrum::http
