// thrum/base/errors.cpp: floor 0, base
// From an errno value to the exception that stands for it.
#include <thrum/base/errors.hpp>

#include <system_error>

namespace thrum {

std::string os_error_message(int code, std::string_view what) {
    // generic_category().message() is thread-safe, which strerror() is not.
    return std::string(what) + ": " + std::generic_category().message(code);
}

void throw_os_error(int code, std::string_view what, std::string_view advice) {
    std::string message = os_error_message(code, what);
    if (!advice.empty()) message.append("; ").append(advice);
    switch (code) {
        case ECONNREFUSED: throw ConnectionRefusedError(code, message);
        case ECONNRESET: throw ConnectionResetError(code, message);
        case ECONNABORTED: throw ConnectionAbortedError(code, message);
        case EPIPE:
        case ESHUTDOWN: throw BrokenPipeError(code, message);
        case ETIMEDOUT: throw TimeoutError(message);
        case EEXIST: throw FileExistsError(code, message);
        case ENOENT: throw FileNotFoundError(code, message);
        case EACCES:
        case EPERM: throw PermissionError(code, message);
        default: throw OSError(code, message);
    }
}

}  // namespace thrum
