// thrum/http/form.cpp: floor 3, http
#include <thrum/base/text.hpp>
#include <thrum/http/form.hpp>
#include <thrum/http/internal/percent.hpp>

#include <algorithm>

namespace thrum::http {
namespace {

void append_encoded(std::string& out, std::string_view text) {
    for (char c : text) {
        if (c == ' ') {
            out += '+';
        } else {
            internal::append_percent_encoded(out, c, internal::EncodeSet::form);
        }
    }
}

std::string decoded(std::string_view text) {
    std::string spaced(text);
    std::replace(spaced.begin(), spaced.end(), '+', ' ');
    return percent_decode(spaced);
}

}  // namespace

std::string form_encode(const Params& params) {
    std::string out;
    for (const auto& [name, value] : params) {
        if (!out.empty()) out += '&';
        append_encoded(out, name);
        out += '=';
        append_encoded(out, value);
    }
    return out;
}

Params form_decode(std::string_view text) {
    Params params;
    for (std::string_view piece : split(text, '&')) {
        if (piece.empty()) continue;
        const auto equals = std::min(piece.find('='), piece.size());
        params.emplace_back(decoded(piece.substr(0, equals)),
                            decoded(piece.substr(std::min(equals + 1, piece.size()))));
    }
    return params;
}

}  // namespace thrum::http
