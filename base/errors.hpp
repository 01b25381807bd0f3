// thrum/base/errors.hpp: floor 0, base
// The tree of exceptions every floor throws: Error, OSError and what grows from them, after PEP 3151.
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>

namespace thrum {

// The root of all errors of the house. what() says what failed, why, and where it helps, what to do.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// The operating system refused. code() is the errno value; what() ends with its words.
class OSError : public Error {
public:
    // `what` is the whole message; see os_error_message() for the customary form.
    OSError(int code, const std::string& what) : Error(what), code_(code) {}
    int code() const noexcept { return code_; }

private:
    int code_;
};

class FileExistsError : public OSError {
public:
    using OSError::OSError;
};
class FileNotFoundError : public OSError {
public:
    using OSError::OSError;
};
class PermissionError : public OSError {
public:
    using OSError::OSError;
};

// A connection could not be made or broke. The root of the refused, reset, aborted and broken-pipe errors.
class ConnectionError : public OSError {
public:
    using OSError::OSError;
};
class ConnectionRefusedError : public ConnectionError {
public:
    using ConnectionError::ConnectionError;
};
class ConnectionResetError : public ConnectionError {
public:
    using ConnectionError::ConnectionError;
};
class ConnectionAbortedError : public ConnectionError {
public:
    using ConnectionError::ConnectionError;
};
class BrokenPipeError : public ConnectionError {
public:
    using ConnectionError::ConnectionError;
};

// A deadline passed before the operation was done; code() is ETIMEDOUT.
class TimeoutError : public OSError {
public:
    explicit TimeoutError(const std::string& what = "timed out") : OSError(ETIMEDOUT, what) {}
};

// Thrown by a wait of a thread that was asked to stop. Stands outside Error and std::exception, so that code
// which handles failures does not swallow it by accident: let it pass.
class Cancelled {
public:
    const char* what() const noexcept { return "cancelled"; }
};

// "what: No such file or directory", the customary form of a message for errno `code`.
std::string os_error_message(int code, std::string_view what);

// Throws the class of the tree that stands for errno `code`, with os_error_message(code, what) and, after a
// semicolon, `advice` where there is any.
[[noreturn]] void throw_os_error(int code, std::string_view what, std::string_view advice = {});

}  // namespace thrum
