// thrum/threads/socket_calls.cpp: floor 1, threads
// A Descriptor has made sure that the calling thread runs on the file's own worker.
#include <thrum/threads/internal/direct_files.hpp>
#include <thrum/threads/socket_calls.hpp>

namespace thrum {

using internal::DirectFile;
using internal::DirectFiles;

ssize_t ReceiveCall::operator()(const DirectFile& file) const {
    return DirectFiles::here()->receive(file, data, size, flags);
}

ssize_t SendCall::operator()(const DirectFile& file) const {
    return DirectFiles::here()->send(file, data, size, flags | MSG_NOSIGNAL);
}

ssize_t SendMessageCall::operator()(const DirectFile& file) const {
    return DirectFiles::here()->send(file, message, flags | MSG_NOSIGNAL);
}

}  // namespace thrum
