// thrum/http/internal/static_files.hpp: floor 3, http
// Files of a folder as answers, and nothing that lies outside of it.
#pragma once

#include <thrum/base/file.hpp>
#include <thrum/http/server.hpp>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

struct stat;

namespace thrum::http::internal {

// Thread-safe. The folder is held open: what is moved to its name later is not served.
class StaticFiles {
public:
    // The first `prefix_segments` segments of a path stand for the folder. Throws OSError.
    StaticFiles(const std::filesystem::path& folder, const FilesOptions& options,
                std::size_t prefix_segments);

    Response answer(const Request& request) const;

private:
    Response answer_folder(const Request& request, UniqueFd folder, std::string_view shown_path) const;
    static Response answer_file(const Request& request, UniqueFd file, const struct stat& status,
                                std::string_view name);
    static Response list(UniqueFd folder, std::string_view shown_path, bool is_root);

    UniqueFd root_;
    FilesOptions options_;
    std::size_t prefix_segments_;
};

// Opens `path`, relative to `root`, for reading: only what lies beneath `root`, whatever ".." and symbolic
// links say (openat2(2) with RESOLVE_BENEATH). -1 with
// errno on failure.
int open_beneath(int root, const std::string& path) noexcept;

// The same for kernels and sandboxes without openat2: one segment after the other, symbolic links refused.
int open_beneath_stepwise(int root, std::string_view path) noexcept;

// What of a file of `size` bytes a Range field asks for.
struct ByteRange {
    std::uint64_t first = 0;
    std::uint64_t length = 0;  // 0 where nothing of the file is in the range
};
// Nothing where the field is to be passed over: malformed, several ranges, or another unit (RFC 9110 §14.2).
std::optional<ByteRange> parse_range(std::string_view value, std::uint64_t size) noexcept;

}  // namespace thrum::http::internal
