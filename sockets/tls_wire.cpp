// thrum/sockets/tls_wire.cpp: floor 2, sockets
// OpenSSL's door to the descriptor: calls that never wait and never raise SIGPIPE.
#include <thrum/base/errors.hpp>
#include <thrum/sockets/internal/tls_wire.hpp>

#include <sys/socket.h>

#include <climits>
#include <new>

namespace thrum::internal {
namespace {

Wire& wire_of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

// Tells OpenSSL to come again, or that it is over.
int failed(BIO* bio, bool reading) {
    if (errno == EAGAIN || errno == EINTR) {
        reading ? BIO_set_retry_read(bio) : BIO_set_retry_write(bio);
    } else {
        wire_of(bio).error = errno;
    }
    return -1;
}

int read_wire(BIO* bio, char* buffer, int size) {
    Wire& wire = wire_of(bio);
    BIO_clear_retry_flags(bio);
    const ssize_t got = ::recv(wire.fd, buffer, static_cast<std::size_t>(size), MSG_DONTWAIT);
    if (got < 0) return failed(bio, true);
    wire.ended = got == 0 && size > 0;
    wire.drained = got < size;
    return static_cast<int>(got);
}

int write_wire(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    const ssize_t put =
        ::send(wire_of(bio).fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
    return put < 0 ? failed(bio, false) : static_cast<int>(put);
}

long control_wire(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return wire_of(bio).ended ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* make_method() {
    BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "thrum descriptor");
    if (method == nullptr) throw std::bad_alloc();
    BIO_meth_set_read(method, read_wire);
    BIO_meth_set_write(method, write_wire);
    BIO_meth_set_ctrl(method, control_wire);
    return method;
}

}  // namespace

BIO* make_wire_bio(Wire& wire) {
    static BIO_METHOD* const method = make_method();  // lives as long as the process, as OpenSSL's own do
    BIO* const bio = BIO_new(method);
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, &wire);
    BIO_set_init(bio, 1);
    return bio;
}

}  // namespace thrum::internal
