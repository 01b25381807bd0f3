// thrum/base/file.cpp: floor 0, base
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>

#include <fcntl.h>
#include <sys/file.h>
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
    struct stat target {};
    if (::stat(path_.c_str(), &target) == 0 && !S_ISREG(target.st_mode)) {
        if (S_ISDIR(target.st_mode)) throw_os_error(EISDIR, "cannot write " + path_.string());
        throw FileExistsError(
            EEXIST, "cannot replace " + path_.string() + ": it is a device, a pipe or a socket; name a file");
    }
    while (!open_part(mode)) {
    }
}

// The lock tells a part that another program is writing from one that a crash has left behind. False where
// the part was renamed or removed between opening and locking it.
bool AtomicFile::open_part(unsigned mode) {
    // O_NONBLOCK: a pipe in this place must not be waited for.
    UniqueFd fd(::open(part_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode));
    struct stat opened {};
    if (!fd || ::fstat(fd.get(), &opened) != 0) throw_os_error(errno, "cannot write " + part_.string());
    if (!S_ISREG(opened.st_mode)) {
        throw FileExistsError(EEXIST,
                              "cannot write " + part_.string() + ": it is there and is no file; remove it");
    }
    // Other errors: a file system without locks, where there is nothing to tell.
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        throw FileExistsError(EEXIST,
                              "cannot write " + part_.string() +
                                  ": another download is writing it; wait for it or choose another folder");
    }
    struct stat named {};
    if (::stat(part_.c_str(), &named) != 0 || named.st_ino != opened.st_ino || named.st_dev != opened.st_dev)
        return false;
    if (::ftruncate(fd.get(), 0) != 0) throw_os_error(errno, "cannot write " + part_.string());
    fd_ = std::move(fd);
    return true;
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
    const UniqueFd locked = std::move(fd_);
    // close(2) is where NFS and quotas report a write that failed late, so a duplicate is closed before the
    // rename; the other keeps the lock until after it.
    const int duplicate = ::fcntl(locked.get(), F_DUPFD_CLOEXEC, 0);
    const bool flushed = duplicate < 0 || ::close(duplicate) == 0 || errno == EINTR;
    if (!flushed || ::rename(part_.c_str(), path_.c_str()) != 0) {
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
