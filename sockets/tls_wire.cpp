// thrum/sockets/tls_wire.cpp: floor 2, sockets
// OpenSSL's door to the descriptor: calls that never wait and never raise SIGPIPE.
#include <thrum/base/errors.hpp>
#include <thrum/sockets/internal/quiet_splice.hpp>
#include <thrum/sockets/internal/tls_wire.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <climits>
#include <new>
#include <utility>

namespace thrum::internal {
namespace {

// What libssl tells its BIO of kTLS. bio.h keeps the numbers for that, and gives two of them names.
constexpr int set_ktls = 72;
constexpr int next_is_control = 74;
constexpr int next_is_data = 75;

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
    if (wire.kernel != nullptr && BIO_get_ktls_recv(wire.kernel)) {
        // One record, however much there is.
        BIO_set_fd(wire.kernel, wire.fd, BIO_NOCLOSE);  // it may have another number by now
        const int got = BIO_read(wire.kernel, buffer, size);
        wire.ended = got == 0 && size > 0;
        return got < 0 ? failed(bio, true) : got;
    }
    const ssize_t got = ::recv(wire.fd, buffer, static_cast<std::size_t>(size), MSG_DONTWAIT);
    if (got < 0) return failed(bio, true);
    wire.ended = got == 0 && size > 0;
    wire.drained = got < size;
    return static_cast<int>(got);
}

int write_wire(BIO* bio, const char* data, int size) {
    Wire& wire = wire_of(bio);
    BIO_clear_retry_flags(bio);
    const auto length = static_cast<std::size_t>(size);
    if (wire.is_control) BIO_set_fd(wire.kernel, wire.fd, BIO_NOCLOSE);
    const ssize_t put = wire.is_control ? Quiet()(length, [&] { return BIO_write(wire.kernel, data, size); })
                                        : ::send(wire.fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put >= 0) wire.is_control = false;
    return put < 0 ? failed(bio, false) : static_cast<int>(put);
}

// Gives the kernel the keys of one direction (Documentation/networking/tls); 0 where it takes none.
long start_ktls(Wire& wire, long is_send, void* keys) {
    // To ask again would, of root, start modprobe(8) each time.
    static std::atomic<bool> kernel_has_none = false;
    constexpr char name[] = "tls";
    if (kernel_has_none.load(std::memory_order_relaxed)) return 0;
    if (wire.kernel == nullptr) {
        if (::setsockopt(wire.fd, IPPROTO_TCP, TCP_ULP, name, sizeof name - 1) != 0) {
            if (errno == ENOENT || errno == ENOPROTOOPT) kernel_has_none = true;
            return 0;
        }
        wire.kernel = BIO_new_socket(wire.fd, BIO_NOCLOSE);
        if (wire.kernel == nullptr) return 0;
    }
    return BIO_ctrl(wire.kernel, set_ktls, is_send, keys);
}

long control_wire(BIO* bio, int command, long number, void* pointer) {
    Wire& wire = wire_of(bio);
    switch (command) {
        case BIO_CTRL_EOF: return wire.ended ? 1 : 0;
        case BIO_CTRL_FLUSH: return 1;
        case set_ktls: return start_ktls(wire, number, pointer);
        case next_is_control:
        case next_is_data: wire.is_control = command == next_is_control; [[fallthrough]];
        case BIO_CTRL_GET_KTLS_SEND:
        case BIO_CTRL_GET_KTLS_RECV:
            return wire.kernel != nullptr ? BIO_ctrl(wire.kernel, command, number, pointer) : 0;
        default: return 0;
    }
}

int destroy_wire(BIO* bio) {
    Wire& wire = wire_of(bio);
    BIO_free(std::exchange(wire.kernel, nullptr));
    return 1;
}

BIO_METHOD* make_method() {
    BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "thrum descriptor");
    if (method == nullptr) throw std::bad_alloc();
    BIO_meth_set_read(method, read_wire);
    BIO_meth_set_write(method, write_wire);
    BIO_meth_set_ctrl(method, control_wire);
    BIO_meth_set_destroy(method, destroy_wire);
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
