// thrum/base/file.hpp: floor 0, base
// Files that are whole or not there: written beside their name as NAME.part, then renamed into place.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace thrum {

// Owns a file descriptor and closes it. Move-only; not for sockets or pipes that are waited on.
class UniqueFd {
public:
    UniqueFd() noexcept = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept;
    ~UniqueFd() { reset(); }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept { return std::exchange(fd_, -1); }
    void reset() noexcept;

private:
    int fd_ = -1;
};

// The whole content of a file. Throws OSError naming the path.
std::string read_file(const std::filesystem::path& path);

// A file under construction. Bytes go to `path` + ".part", which is locked (flock(2)) so that two writers of
// one name never mix; commit() renames it to `path` in one step, so nobody ever sees half of it. Without
// commit() the part is removed. A part that a crash left behind is written anew; a symbolic link at `path` is
// replaced, a device or pipe is refused. Not thread-safe. Every member throws OSError with the path and the
// cause (a full disk, an unwritable folder, another writer).
class AtomicFile {
public:
    // `mode` is subject to the umask, as for open(2).
    explicit AtomicFile(std::filesystem::path path, unsigned mode = 0666);
    AtomicFile(AtomicFile&&) noexcept = default;
    AtomicFile& operator=(AtomicFile&&) = delete;
    ~AtomicFile();

    void write(std::string_view bytes);
    void commit();
    // As commit(), under another name on the same file system.
    void commit_as(std::filesystem::path path);

    const std::filesystem::path& path() const noexcept { return path_; }
    const std::filesystem::path& part_path() const noexcept { return part_; }

private:
    bool open_part(unsigned mode);

    std::filesystem::path path_;
    std::filesystem::path part_;
    UniqueFd fd_;
};

// AtomicFile, write and commit in one call.
void write_file(const std::filesystem::path& path, std::string_view bytes, unsigned mode = 0666);

}  // namespace thrum
