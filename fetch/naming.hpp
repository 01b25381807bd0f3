// thrum/fetch/naming.hpp: floor 5, fetch
// What a downloaded file is called: names a stranger wrote (URL, Content-Disposition) made safe for a folder
// of ours.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace thrum::fetch {

// NAME_MAX of Linux file systems is 255 bytes; room is kept for the ".part" of a file under construction.
inline constexpr std::size_t max_name_bytes = 255 - 5;
// A longer ending is not an extension but part of the name.
inline constexpr std::size_t max_extension_bytes = 16;
// For a URL that ends in "/", and for a name of which nothing safe is left.
inline constexpr std::string_view name_of_a_folder = "index.html";
inline constexpr std::string_view name_of_last_resort = "download";

// `raw` (bytes, UTF-8 where it is text) as one harmless file name: never empty, never with a separator, a
// control or text-direction character, a leading dot or minus; in valid UTF-8; nothing Windows refuses; at
// most max_name_bytes with the extension kept. Harmless ones come back as they are. Never throws but
// bad_alloc.
std::string safe_name(std::string_view raw);

// The last segment of the URL's path (RFC 3986 section 3.3), percent-decoded once, as safe_name().
std::string name_from_url(std::string_view url);

// The safe_name() a Content-Disposition header field suggests (RFC 6266 section 4.3): `filename*` (RFC 8187;
// UTF-8 and ISO-8859-1) before `filename`, and of a path its last part only. Nothing where it suggests none.
std::optional<std::string> name_from_content_disposition(std::string_view value);

// The name before its extension, and the extension with its dot: "a.tar.gz" is {"a", ".tar.gz"}.
struct NameParts {
    std::string_view stem;
    std::string_view extension;
};
NameParts split_name(std::string_view name);

// Gives each file of one run a name of its own. Not thread-safe.
class NameTable {
public:
    // `name` itself for the first that claims it, then name-1.ext, name-2.ext ... Neither the name nor its
    // ".part" is the name or the ".part" of another, so files under construction do not meet either.
    std::string claim(const std::string& name);

private:
    bool is_taken(const std::string& name) const;

    std::unordered_set<std::string> taken_;
    std::unordered_map<std::string, unsigned> next_number_;
};

}  // namespace thrum::fetch
