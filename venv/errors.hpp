// thrum/venv/errors.hpp: floor 5, venv
// What goes wrong with interpreters, programs and environments; failures of the operating system stay
// OSError.
#pragma once

#include <thrum/base/errors.hpp>

#include <string>

namespace thrum::venv {

// The root of this floor's errors. what() is one line that names the path, the cause and the way out.
class VenvError : public Error {
public:
    using Error::Error;
};

// No interpreter that can be used: none found, not a Python, too old, or it crashed.
class InterpreterError : public VenvError {
public:
    using VenvError::VenvError;
};

// An environment could not be made: the folder is in the way, the path cannot be one, pip could not be put
// inside.
class CreationError : public VenvError {
public:
    using VenvError::VenvError;
};

// The folder holds no environment, or a broken one.
class NotAnEnvironmentError : public VenvError {
public:
    using VenvError::VenvError;
};

// A program ended with another status than 0; after Python's subprocess.CalledProcessError.
class CalledProcessError : public VenvError {
public:
    CalledProcessError(int status, const std::string& what) : VenvError(what), status_(status) {}
    // The exit status; -N when signal N ended it.
    int status() const noexcept { return status_; }

private:
    int status_;
};

}  // namespace thrum::venv
