// thrum/http/internal/media_type.hpp: floor 3, http
// The Content-Type of a file, by its name.
#pragma once

#include <string_view>

namespace thrum::http::internal {

// From the extension, without regard to case; "application/octet-stream" where it is not known. Texts are
// said to be UTF-8.
std::string_view media_type_of(std::string_view file_name) noexcept;

}  // namespace thrum::http::internal
