// thrum/http/internal/field_section.cpp: floor 3, http
#include <thrum/base/text.hpp>
#include <thrum/http/internal/characters.hpp>
#include <thrum/http/internal/field_section.hpp>

#include <algorithm>

namespace thrum::http::internal {

LineScanner::Outcome LineScanner::next(std::string_view bytes, std::size_t limit,
                                       std::string_view& line) noexcept {
    const std::size_t end = bytes.find('\n', scanned_);
    if (end == bytes.npos) {
        scanned_ = bytes.size();
        return bytes.size() >= limit ? Outcome::too_long : Outcome::need_more;
    }
    if (end >= limit) return Outcome::too_long;
    if (end == position_ || bytes[end - 1] != '\r') return Outcome::bare_lf;
    line = bytes.substr(position_, end - 1 - position_);
    position_ = scanned_ = end + 1;
    return Outcome::line;
}

ParseError check_field_characters(std::string_view text) noexcept {
    const auto* wrong = std::find_if_not(text.begin(), text.end(), is_field_character);
    if (wrong == text.end()) return ParseError::none;
    return *wrong == '\r' ? ParseError::bare_cr : ParseError::invalid_character;
}

ParseState FieldSection::parse(std::string_view bytes, LineScanner& scanner, std::size_t limit,
                               ParseError too_large) {
    if (error_ != ParseError::none) return ParseState::failed;
    for (;;) {
        std::string_view line;
        switch (scanner.next(bytes, limit, line)) {
            case LineScanner::Outcome::line: break;
            case LineScanner::Outcome::need_more: return ParseState::need_more;
            case LineScanner::Outcome::too_long: return fail(too_large);
            case LineScanner::Outcome::bare_lf: return fail(ParseError::bare_lf);
        }
        if (line.empty()) return ParseState::complete;
        const ParseError error = add(line, static_cast<std::size_t>(line.data() - bytes.data()));
        if (error != ParseError::none) return fail(error);
    }
}

// field-line = field-name ":" OWS field-value OWS, RFC 9112 §5.
ParseError FieldSection::add(std::string_view line, std::size_t offset) {
    if (line.front() == ' ' || line.front() == '\t') return ParseError::obs_fold;
    const auto* name_end = std::find_if_not(line.begin(), line.end(), is_token_character);
    if (name_end == line.end()) return ParseError::missing_colon;
    if (*name_end != ':') {
        if (*name_end == '\r') return ParseError::bare_cr;
        if (*name_end != ' ' && *name_end != '\t') return ParseError::invalid_field_name;
        return line.find(':') == line.npos ? ParseError::missing_colon : ParseError::space_before_colon;
    }
    if (name_end == line.begin()) return ParseError::invalid_field_name;
    if (places_.size() == field_count_limit) return ParseError::too_many_fields;
    const auto name_size = static_cast<std::size_t>(name_end - line.begin());
    const std::string_view value = trim(line.substr(name_size + 1), " \t");
    const ParseError error = check_field_characters(value);
    if (error != ParseError::none) return error;
    const std::size_t value_offset =
        value.empty() ? name_size + 1 : static_cast<std::size_t>(value.data() - line.data());
    places_.push_back({static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(name_size),
                       static_cast<std::uint32_t>(offset + value_offset),
                       static_cast<std::uint32_t>(value.size())});
    return ParseError::none;
}

ParseState FieldSection::fail(ParseError error) noexcept {
    error_ = error;
    return ParseState::failed;
}

void FieldSection::views(std::string_view bytes, std::vector<Field>& fields) const {
    fields.clear();
    for (const Place& place : places_) {
        fields.push_back(
            {bytes.substr(place.name, place.name_size), bytes.substr(place.value, place.value_size)});
    }
}

void FieldSection::reset() noexcept {
    places_.clear();
    error_ = ParseError::none;
}

}  // namespace thrum::http::internal
