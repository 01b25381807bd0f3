// thrum/base/file.cpp: floor 0, base
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

namespace thrum {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = other.release();
    }
    return *this;
}

void UniqueFd::reset() noexcept {
    // close(2): after EINTR the descriptor is gone on Linux; closing again could close another's.
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::string read_file(const std::filesystem::path& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) throw_os_error(errno, "cannot read " + path.string());
    std::string content;
    struct stat status {};
    if (::fstat(fd.get(), &status) == 0 && status.st_size > 0)
        content.reserve(static_cast<std::size_t>(status.st_size));
    char buffer[16384];
    for (;;) {
        const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
        if (got > 0) {
            content.append(buffer, static_cast<std::size_t>(got));
        } else if (got == 0) {
            return content;
        } else if (errno != EINTR) {
            throw_os_error(errno, "cannot read " + path.string());
        }
    }
}

AtomicFile::AtomicFile(std::filesystem::path path, unsigned mode)
    : path_(std::move(path)), part_(path_.string() + ".part") {
    fd_ = UniqueFd(::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!fd_) throw_os_error(errno, "cannot write " + part_.string());
}

AtomicFile::~AtomicFile() {
    if (fd_) ::unlink(part_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(fd_.get(), bytes.data(), bytes.size());
        if (put >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(put));
        } else if (errno != EINTR) {
            throw_os_error(errno, "cannot write " + part_.string());
        }
    }
}

void AtomicFile::commit() {
    // close(2) is where NFS and quotas report a write that failed late, so it is asked before the rename.
    const int closed = ::close(fd_.release());
    if ((closed != 0 && errno != EINTR) || ::rename(part_.c_str(), path_.c_str()) != 0) {
        const int code = errno;
        ::unlink(part_.c_str());
        throw_os_error(code, "cannot write " + path_.string());
    }
}

void AtomicFile::commit_as(std::filesystem::path path) {
    path_ = std::move(path);
    commit();
}

void write_file(const std::filesystem::path& path, std::string_view bytes, unsigned mode) {
    AtomicFile file(path, mode);
    file.write(bytes);
    file.commit();
}

}  // namespace thrum
