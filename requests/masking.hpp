// thrum/requests/masking.hpp: floor 4, requests
// URLs for people's eyes: without what nobody else should read.
#pragma once

#include <string>
#include <string_view>

namespace thrum::requests {

// `text`, a URL or what was meant to be one, with its password as "***", and with its user name as well where
// it stands alone (a token). Where the text is no URL of http or https, all between the scheme and the last
// "@" is hidden: a password with "/", "?" or "#" in it is why many are not.
std::string masked_url(std::string_view text);

// Whether "http://user:/secret@host" was written: an empty port with an "@" later on. As a URL it leads to
// the host `user`, and takes a password for its path; nobody means that.
bool hides_password(std::string_view text) noexcept;

}  // namespace thrum::requests
