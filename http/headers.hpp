// thrum/http/headers.hpp: floor 3, http
// Headers: the fields of a message in order, found without regard to case, never able to smuggle a line.
#pragma once

#include <thrum/base/errors.hpp>

#include <cstddef>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thrum::http {

// A field name or value that must not be sent, or a field that is not there. what() names the field.
class HeaderError : public Error {
public:
    using Error::Error;
};

// A token of RFC 9110 §5.6.2, which field names and methods must be.
bool is_token(std::string_view text) noexcept;
// A field value of RFC 9110 §5.5: no CR, LF, NUL or other control character but tab, no white space at the
// ends.
bool is_field_value(std::string_view text) noexcept;

// The header section of a message (RFC 9110 §6.3): pairs of name and value in the order they were added,
// names as written, several of one name allowed. A value type; not to be changed by two threads at once.
// Whatever adds or sets checks name and value and throws HeaderError, so no Headers ever holds a line break.
class Headers {
public:
    using value_type = std::pair<std::string, std::string>;
    using const_iterator = std::vector<value_type>::const_iterator;

    // What operator[] gives: assigning sets the field, reading gives its value or throws HeaderError when the
    // field is not there. It stands in for `std::string&`, which nothing could guard against a line break.
    class Value {
    public:
        Value(Headers& headers, std::string_view name) : headers_(headers), name_(name) {}
        Value(const Value&) = default;
        Value& operator=(std::string_view value);
        Value& operator=(const Value& other) { return *this = other.str(); }
        ~Value() = default;

        const std::string& str() const;
        operator const std::string&() const {
            return str();
        }                                                    // NOLINT: to be used as the string it stands for
        operator std::string_view() const { return str(); }  // NOLINT
        friend bool operator==(const Value& value, std::string_view text) { return value.str() == text; }
        friend std::ostream& operator<<(std::ostream& out, const Value& value);

    private:
        Headers& headers_;
        std::string name_;
    };

    Headers() = default;
    // Headers{{"Accept", "text/html"}, {"Accept-Language", "de"}}: each pair is added.
    Headers(std::initializer_list<value_type> fields);

    // headers["User-Agent"] = "loom": sets. Reading a missing field throws HeaderError.
    Value operator[](std::string_view name) { return {*this, name}; }
    const std::string& operator[](std::string_view name) const { return at(name); }
    // The first value of that name. Throws HeaderError naming the field when there is none.
    const std::string& at(std::string_view name) const;
    // The first value of that name, valid until the Headers are changed.
    std::optional<std::string_view> get(std::string_view name) const noexcept;
    // The first value, or `otherwise`.
    std::string_view get(std::string_view name, std::string_view otherwise) const noexcept;
    // All values of that name in order, valid until the Headers are changed.
    std::vector<std::string_view> get_all(std::string_view name) const;
    // All values of that name joined by ", " (RFC 9110 §5.3); not for Set-Cookie, whose values hold commas.
    std::string combined(std::string_view name) const;
    bool contains(std::string_view name) const noexcept { return find(name) != fields_.end(); }

    // Appends a field. White space around the value is dropped. Throws HeaderError.
    void add(std::string_view name, std::string_view value);
    // The field has this one value from now on, in the place of the first. Throws HeaderError.
    void set(std::string_view name, std::string_view value);
    // Sets it where there is none of that name. Throws HeaderError.
    void set_default(std::string_view name, std::string_view value);
    // Sets every field of `others` here: each name they hold loses its values here. Never throws HeaderError.
    void update(const Headers& others);
    // Returns how many fields of that name there were.
    std::size_t remove(std::string_view name);
    void clear() noexcept { fields_.clear(); }
    void reserve(std::size_t count) { fields_.reserve(count); }

    const_iterator begin() const noexcept { return fields_.begin(); }
    const_iterator end() const noexcept { return fields_.end(); }
    const_iterator find(std::string_view name) const noexcept;
    std::size_t size() const noexcept { return fields_.size(); }
    bool empty() const noexcept { return fields_.empty(); }

    // Appends the field lines as they go on the wire, each ended by CRLF; not the empty line after them.
    void write_to(std::string& out) const;

    friend bool operator==(const Headers&, const Headers&) = default;

private:
    std::vector<value_type> fields_;
};

}  // namespace thrum::http
