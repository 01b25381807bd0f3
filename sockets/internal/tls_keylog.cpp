// thrum/sockets/internal/tls_keylog.cpp: floor 2, sockets
// Secrets of connections in a file, for those who look at their own traffic (SSLKEYLOGFILE).
#include <thrum/sockets/internal/tls_settings.hpp>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace thrum::internal {
namespace {

// One call for each line: appended whole even when many processes share the file (open(2), O_APPEND). A full
// disk is no reason to end a connection.
void log_line(const SSL* ssl, const char* line) {
    const int fd = settings_of(ssl).keylog.get();
    char newline = '\n';
    const iovec parts[] = {{const_cast<char*>(line), std::strlen(line)}, {&newline, 1}};
    const int before = errno;
    while (fd >= 0 && ::writev(fd, parts, 2) < 0 && errno == EINTR) {
    }
    errno = before;
}

}  // namespace

void use_keylog(TLSContext::Settings& settings, const std::filesystem::path& path) {
    std::filesystem::path file = path;
    // Not where the process has rights that whoever started it has not.
    if (const char* const named = ::secure_getenv("SSLKEYLOGFILE"); file.empty() && named != nullptr)
        file = named;
    if (file.empty()) return;
    // Readable by the owner alone. O_NONBLOCK: a pipe that nobody reads shall not stop a worker.
    settings.keylog = UniqueFd(::open(
        file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, S_IRUSR | S_IWUSR));
    if (!settings.keylog) {
        throw TLSError(TLSFailure::settings,
                       os_error_message(errno, "cannot log keys to " + file.string() +
                                                   (path.empty() ? " (SSLKEYLOGFILE)" : "")));
    }
    SSL_CTX_set_keylog_callback(settings.context.get(), log_line);
}

}  // namespace thrum::internal
