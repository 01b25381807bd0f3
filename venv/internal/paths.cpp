// thrum/venv/internal/paths.cpp: floor 5, venv
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/threads/to_thread.hpp>
#include <thrum/venv/internal/paths.hpp>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>

namespace thrum::venv::internal {
namespace {

void check(const std::error_code& code, std::string_view what, const std::filesystem::path& path) {
    if (code) throw_os_error(code.value(), std::string(what) + path.string());
}

std::filesystem::path part_of(const std::filesystem::path& path) { return path.string() + ".part"; }

void rename_part(const std::filesystem::path& part, const std::filesystem::path& path) {
    if (::rename(part.c_str(), path.c_str()) == 0) return;
    const int code = errno;
    ::unlink(part.c_str());
    throw_os_error(code, "cannot write " + path.string());
}

Moved moved(int result, const std::filesystem::path& source, const std::filesystem::path& target) {
    if (result == 0) return Moved::done;
    switch (errno) {
        case EBUSY:   // a mount point
        case EXDEV:   // another file system
        case EINVAL:  // RENAME_EXCHANGE is not known there
        case ENOSYS: return Moved::not_possible;
        default: throw_os_error(errno, "cannot move " + source.string() + " to " + target.string());
    }
}

}  // namespace

std::filesystem::path absolute_path(const std::filesystem::path& path) {
    std::error_code code;
    std::filesystem::path result = std::filesystem::absolute(path, code);
    check(code, "cannot tell the present folder, to find ", path);
    result = result.lexically_normal();
    return result.has_filename() || result == result.root_path() ? result : result.parent_path();
}

void make_folders(const std::filesystem::path& path) {
    std::error_code code;
    std::filesystem::create_directories(path, code);
    check(code, "cannot make the folder ", path);
}

void remove_tree(const std::filesystem::path& path) {
    std::error_code code;
    to_thread([&] { std::filesystem::remove_all(path, code); });
    check(code, "cannot remove ", path);
}

void empty_folder(const std::filesystem::path& folder, std::string_view keep) {
    std::error_code code;
    std::filesystem::directory_iterator entry(folder, code);
    for (; !code && entry != std::filesystem::directory_iterator(); entry.increment(code)) {
        if (entry->path().filename() != keep) remove_tree(entry->path());
    }
    check(code, "cannot empty ", folder);
}

void place_link(const std::filesystem::path& target, const std::filesystem::path& link) {
    if (::symlink(target.c_str(), link.c_str()) == 0) return;
    if (errno != EEXIST) throw_os_error(errno, "cannot make the link " + link.string());
    const std::filesystem::path part = part_of(link);
    ::unlink(part.c_str());
    if (::symlink(target.c_str(), part.c_str()) != 0)
        throw_os_error(errno, "cannot make the link " + part.string());
    rename_part(part, link);
}

void place_copy(const std::filesystem::path& source, const std::filesystem::path& copy) {
    // Not copy_file(): libstdc++ 12 turns a full disk into EIO.
    AtomicFile file(copy, 0755);
    file.write(read_file(source));
    if (::chmod(file.part_path().c_str(), 0755) != 0) {
        throw_os_error(errno, "cannot make executable " + file.part_path().string());
    }
    file.commit();
}

Moved move_folder(const std::filesystem::path& source, const std::filesystem::path& target) {
    return moved(::rename(source.c_str(), target.c_str()), source, target);
}

Moved exchange_folders(const std::filesystem::path& first, const std::filesystem::path& second) {
    return moved(::renameat2(AT_FDCWD, first.c_str(), AT_FDCWD, second.c_str(), RENAME_EXCHANGE), first,
                 second);
}

}  // namespace thrum::venv::internal
