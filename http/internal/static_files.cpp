// thrum/http/internal/static_files.cpp: floor 3, http
// File calls are made in the client's thread: what is served often is in the page cache.
#include <thrum/base/errors.hpp>
#include <thrum/base/text.hpp>
#include <thrum/http/internal/date.hpp>
#include <thrum/http/internal/media_type.hpp>
#include <thrum/http/internal/static_files.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

namespace thrum::http::internal {
namespace {

// O_NONBLOCK: opening a FIFO must not wait for its writer.
constexpr int open_flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
// openat2 gives up with EAGAIN when names move while it looks; this many times it is asked again.
constexpr int open_attempts = 8;
// Names in a listing; what is beyond is not shown.
constexpr std::size_t listing_limit = 10'000;

std::string escaped(std::string_view text) {
    std::string result;
    for (char c : text) {
        switch (c) {
            case '&': result += "&amp;"; break;
            case '<': result += "&lt;"; break;
            case '>': result += "&gt;"; break;
            case '"': result += "&quot;"; break;
            case '\'': result += "&#39;"; break;
            default: result += c;
        }
    }
    return result;
}

Response refuse(int status, std::string_view text) {
    return Response::text(std::string(text) + "\n", status);
}

Response refuse_for_errno(int code) {
    switch (code) {
        case EACCES:
        case EPERM: return refuse(403, "403 Forbidden");
        case EMFILE:
        case ENFILE:
        case ENOMEM: return refuse(503, "503 Service Unavailable");
        default: return refuse(404, "404 Not Found");
    }
}

// The part of the path behind the prefix, decoded; nothing for a path that no file can have.
std::optional<std::string> relative_path(std::string_view raw, std::size_t prefix_segments) {
    std::vector<std::string_view> pieces = split(raw, '/');
    pieces.erase(pieces.begin(),
                 pieces.begin() + static_cast<std::ptrdiff_t>(std::min(prefix_segments + 1, pieces.size())));
    if (!pieces.empty() && pieces.back().empty()) pieces.pop_back();
    std::string path;
    for (const std::string_view piece : pieces) {
        const std::string name = percent_decode(piece);
        if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos ||
            name.find('\0') != name.npos) {
            return std::nullopt;
        }
        path.append(path.empty() ? "" : "/").append(name);
    }
    return path.empty() ? "." : path;
}

std::string etag_of(const struct stat& status) {
    std::array<char, 64> text;
    const int size = std::snprintf(
        text.data(), text.size(), "\"%llx-%lx-%llx\"", static_cast<unsigned long long>(status.st_mtim.tv_sec),
        static_cast<unsigned long>(status.st_mtim.tv_nsec), static_cast<unsigned long long>(status.st_size));
    return {text.data(), static_cast<std::size_t>(size)};
}

// If-None-Match and If-Modified-Since, RFC 9110 §13.1; dates are compared as text, as nginx does too.
bool is_unmodified(const Request& request, std::string_view etag, std::string_view modified) {
    if (const auto tags = request.header("If-None-Match")) {
        for (std::string_view tag : split(*tags, ',')) {
            tag = trim(tag);
            if (tag.starts_with("W/")) tag.remove_prefix(2);
            if (tag == etag || tag == "*") return true;
        }
        return false;
    }
    return request.header("If-Modified-Since") == modified;
}

}  // namespace

int open_beneath_stepwise(int root, std::string_view path) noexcept {
    UniqueFd folder;
    int at = root;
    for (;;) {
        const auto slash = path.find('/');
        const std::string name(path.substr(0, slash));
        const bool is_last = slash == path.npos;
        const int fd = openat(at, name.c_str(), open_flags | O_NOFOLLOW | (is_last ? 0 : O_DIRECTORY));
        if (fd < 0 || is_last) return fd;
        folder = UniqueFd(fd);
        at = fd;
        path.remove_prefix(slash + 1);
    }
}

int open_beneath(int root, const std::string& path) noexcept {
    open_how how = {};
    how.flags = open_flags;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    for (int attempt = 0; attempt < open_attempts; ++attempt) {
        const auto fd = static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
        if (fd >= 0) return fd;
        if (errno == ENOSYS || errno == EPERM) return open_beneath_stepwise(root, path);
        if (errno != EAGAIN && errno != EINTR) return -1;
    }
    return -1;
}

std::optional<ByteRange> parse_range(std::string_view value, std::uint64_t size) noexcept {
    constexpr std::string_view unit = "bytes=";
    if (!iequals(value.substr(0, unit.size()), unit)) return std::nullopt;
    const std::string_view spec = trim(value.substr(unit.size()), " \t");
    const auto dash = spec.find('-');
    if (dash == spec.npos) return std::nullopt;
    const auto first = parse_unsigned(spec.substr(0, dash));
    const auto last = parse_unsigned(spec.substr(dash + 1));
    if (dash == 0) {  // the last so many bytes
        if (!last) return std::nullopt;
        const std::uint64_t length = std::min<std::uint64_t>(*last, size);
        return ByteRange{size - length, length};
    }
    if (!first || (!last && dash + 1 != spec.size()) || (last && *last < *first)) return std::nullopt;
    if (*first >= size) return ByteRange{*first, 0};
    return ByteRange{*first, std::min<std::uint64_t>(last.value_or(size - 1), size - 1) - *first + 1};
}

StaticFiles::StaticFiles(const std::filesystem::path& folder, const FilesOptions& options,
                         std::size_t prefix_segments)
    : root_(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
      options_(options),
      prefix_segments_(prefix_segments) {
    if (!root_)
        throw_os_error(errno, "cannot serve the folder '" + folder.string() + "'",
                       "name a folder that is there and can be read");
}

Response StaticFiles::answer(const Request& request) const {
    const std::string_view raw = request.raw_path();
    const std::optional<std::string> path = relative_path(raw, prefix_segments_);
    if (!path) return refuse(404, "404 Not Found");
    UniqueFd file(open_beneath(root_.get(), *path));
    struct stat status = {};
    if (!file || fstat(file.get(), &status) != 0) return refuse_for_errno(errno);
    if (S_ISDIR(status.st_mode)) {
        if (raw.ends_with('/')) return answer_folder(request, std::move(file), *path);
        // Links in a page of the folder are relative to it. "./" keeps the name from being read as a scheme
        // or host.
        std::string location = "./" + std::string(raw.substr(raw.rfind('/') + 1)) + "/";
        if (!request.query().empty()) location.append("?").append(request.query());
        return Response::redirect(location, 301);
    }
    if (!S_ISREG(status.st_mode) || raw.ends_with('/')) return refuse(404, "404 Not Found");
    return answer_file(request, std::move(file), status, *path);
}

Response StaticFiles::answer_folder(const Request& request, UniqueFd folder,
                                    std::string_view shown_path) const {
    UniqueFd index(open_beneath(folder.get(), "index.html"));
    struct stat status = {};
    if (index && fstat(index.get(), &status) == 0 && S_ISREG(status.st_mode)) {
        return answer_file(request, std::move(index), status, "index.html");
    }
    if (!options_.listing) return refuse(404, "404 Not Found");
    return list(std::move(folder), request.path(), shown_path == ".");
}

Response StaticFiles::answer_file(const Request& request, UniqueFd file, const struct stat& status,
                                  std::string_view name) {
    const std::string etag = etag_of(status);
    const std::string modified = http_date(status.st_mtim.tv_sec);
    const auto size = static_cast<std::uint64_t>(status.st_size);
    const auto add_validators = [&](Response response) {
        response.headers().add("ETag", etag);
        response.headers().add("Last-Modified", modified);
        response.headers().add("Accept-Ranges", "bytes");
        return response;
    };
    if (is_unmodified(request, etag, modified)) return add_validators(Response(304));
    const auto wanted = request.method() == "GET" ? request.header("Range") : std::nullopt;
    const auto condition = request.header("If-Range");
    const bool is_same = !condition || *condition == etag || *condition == modified;
    const auto range = wanted && is_same ? parse_range(*wanted, size) : std::nullopt;
    const std::string_view type = media_type_of(name);
    if (!range) return add_validators(Response::file(std::move(file), 0, size, type));
    if (range->length == 0) {
        Response response = refuse(416, "416 Range Not Satisfiable");
        response.headers().add("Content-Range", "bytes */" + std::to_string(size));
        return response;
    }
    Response response = Response::file(std::move(file), range->first, range->length, type);
    response.set_status(206);
    response.headers().add("Content-Range", "bytes " + std::to_string(range->first) + "-" +
                                                std::to_string(range->first + range->length - 1) + "/" +
                                                std::to_string(size));
    return add_validators(std::move(response));
}

Response StaticFiles::list(UniqueFd folder, std::string_view shown_path, bool is_root) {
    const std::unique_ptr<DIR, int (*)(DIR*)> open_folder(fdopendir(folder.get()), closedir);
    if (!open_folder) return refuse_for_errno(errno);
    (void)folder.release();  // closedir() closes it
    std::vector<std::string> names;
    while (const dirent* entry = readdir(open_folder.get())) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == ".." || names.size() == listing_limit) continue;
        names.emplace_back(std::string(name) + (entry->d_type == DT_DIR ? "/" : ""));
    }
    std::sort(names.begin(), names.end());
    const std::string title = "Index of " + escaped(shown_path);
    std::string page = "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>" + title +
                       "</title></head>\n<body><h1>" + title + "</h1>\n<ul>\n";
    if (!is_root) page += "<li><a href=\"../\">../</a></li>\n";
    for (const std::string& name : names) {
        // "./" keeps a name with a colon from being read as a URL with a scheme.
        page += "<li><a href=\"./" + percent_encode(name, "/") + "\">" + escaped(name) + "</a></li>\n";
    }
    return Response::html(page + "</ul>\n</body></html>\n");
}

}  // namespace thrum::http::internal
