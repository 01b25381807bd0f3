// thrum/http/parse_error.cpp: floor 3, http
#include <thrum/http/parse_error.hpp>

namespace thrum::http {

std::string_view describe(ParseError error) noexcept {
    switch (error) {
        case ParseError::none: return "no error";
        case ParseError::invalid_request_line:
            return "the first line is not a method, a target and a version";
        case ParseError::invalid_method: return "the method is not a token";
        case ParseError::invalid_target: return "the request target has a wrong form or character";
        case ParseError::invalid_version: return "the version is not written as HTTP/1.1";
        case ParseError::unsupported_version: return "the version is not HTTP/1.0 or HTTP/1.1";
        case ParseError::start_line_too_long: return "the first line is longer than 8 KiB";
        case ParseError::invalid_status_line: return "the first line is not an HTTP status line";
        case ParseError::bare_lf: return "a line ends in LF without CR";
        case ParseError::bare_cr: return "there is a CR that ends no line";
        case ParseError::invalid_character: return "a header has a NUL or another control character";
        case ParseError::missing_colon: return "a header line has no colon";
        case ParseError::invalid_field_name: return "a header name is not a token";
        case ParseError::space_before_colon: return "there is a space before a header's colon";
        case ParseError::obs_fold: return "a header is folded over several lines";
        case ParseError::head_too_large: return "the headers are larger than 64 KiB";
        case ParseError::too_many_fields: return "there are more than 100 headers";
        case ParseError::missing_host: return "the Host header is missing";
        case ParseError::duplicate_host: return "there is more than one Host header";
        case ParseError::invalid_host: return "the Host header or the target's authority is malformed";
        case ParseError::invalid_content_length:
            return "Content-Length is not a decimal number within 63 bits";
        case ParseError::duplicate_content_length: return "there is more than one Content-Length";
        case ParseError::content_length_and_transfer_encoding:
            return "there are both Content-Length and Transfer-Encoding";
        case ParseError::invalid_transfer_encoding: return "Transfer-Encoding is malformed";
        case ParseError::chunked_not_last: return "chunked is not the one and last transfer coding";
        case ParseError::unsupported_transfer_coding: return "the transfer coding is not supported";
        case ParseError::transfer_encoding_in_http_1_0: return "an HTTP/1.0 message has Transfer-Encoding";
        case ParseError::invalid_chunk_size: return "a chunk size is not a hexadecimal number within 63 bits";
        case ParseError::invalid_chunk_extension: return "a chunk extension is malformed";
        case ParseError::chunk_line_too_long: return "a chunk size line is longer than 1 KiB";
        case ParseError::chunk_extensions_too_large: return "the chunk extensions are larger than 16 KiB";
        case ParseError::invalid_chunk_end: return "a chunk does not end where its size says";
        case ParseError::trailers_too_large: return "the trailers are larger than 8 KiB";
        case ParseError::forbidden_trailer:
            return "a trailer tries to change how the message is framed or routed";
        case ParseError::premature_end: return "the connection closed before the message was complete";
    }
    return "unknown error";
}

int status_of(ParseError error) noexcept {
    switch (error) {
        case ParseError::none: return 200;
        case ParseError::start_line_too_long: return 414;
        case ParseError::head_too_large:
        case ParseError::too_many_fields:
        case ParseError::trailers_too_large: return 431;
        case ParseError::unsupported_transfer_coding: return 501;
        case ParseError::unsupported_version: return 505;
        default: return 400;
    }
}

}  // namespace thrum::http
