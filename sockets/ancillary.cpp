// thrum/sockets/ancillary.cpp: floor 2, sockets
// Control messages in and out of the kernel's format. Every descriptor that comes has an owner at once.
#include <thrum/sockets/socket.hpp>

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>

namespace thrum {
namespace {

// Of the stack: all descriptors that can come, credentials, a pidfd and a few time stamps.
constexpr std::size_t inline_control = 1280;
constexpr std::size_t inline_pieces = 16;
constexpr int scm_pidfd = 4;  // SCM_PIDFD of linux/socket.h, since Linux 6.5

// Memory for control messages, aligned as they must be.
class ControlBuffer {
public:
    explicit ControlBuffer(std::size_t size) : size_(size) {
        if (size_ > inline_.size()) heap_ = std::make_unique<std::byte[]>(size_);
        // What lies between two messages is the kernel's to read.
        std::fill_n(data(), size_, std::byte(0));
    }
    std::byte* data() noexcept { return heap_ ? heap_.get() : inline_.data(); }
    std::size_t size() const noexcept { return size_; }
    void lend_to(msghdr& message) noexcept {
        message.msg_control = size_ != 0 ? data() : nullptr;
        message.msg_controllen = size_;
    }

private:
    alignas(cmsghdr) std::array<std::byte, inline_control> inline_;
    std::unique_ptr<std::byte[]> heap_;
    std::size_t size_;
};

// The pieces as the kernel wants them; those of most callers without the heap.
class Vectors {
public:
    template <class Pieces>
    explicit Vectors(const Pieces& pieces) : size_(pieces.size()) {
        if (size_ > inline_.size()) heap_ = std::make_unique<iovec[]>(size_);
        iovec* out = data();
        for (const auto& piece : pieces) *out++ = {const_cast<char*>(piece.data()), piece.size()};
    }
    iovec* data() noexcept { return heap_ ? heap_.get() : inline_.data(); }
    void lend_to(msghdr& message) noexcept {
        message.msg_iov = data();
        message.msg_iovlen = size_;
    }

private:
    std::array<iovec, inline_pieces> inline_;
    std::unique_ptr<iovec[]> heap_;
    std::size_t size_;
};

// Appends messages to a buffer that has room for them.
class ControlWriter {
public:
    explicit ControlWriter(ControlBuffer& buffer) noexcept : at_(buffer.data()) {}
    void add(int level, int type, const void* data, std::size_t size) noexcept {
        cmsghdr header = {};
        header.cmsg_level = level;
        header.cmsg_type = type;
        header.cmsg_len = CMSG_LEN(size);
        std::memcpy(at_, &header, sizeof header);
        if (size != 0) std::memcpy(at_ + CMSG_LEN(0), data, size);
        at_ += CMSG_SPACE(size);
    }

private:
    std::byte* at_;
};

std::size_t control_size(const SendmsgOptions& options) noexcept {
    std::size_t size = 0;
    if (!options.descriptors.empty()) size += CMSG_SPACE(options.descriptors.size_bytes());
    if (options.credentials) size += CMSG_SPACE(sizeof(ucred));
    for (const ControlMessage& message : options.ancillary) size += CMSG_SPACE(message.data.size());
    return size;
}

std::size_t control_size(const RecvmsgOptions& options) noexcept {
    std::size_t size = options.ancillary_size;
    if (options.max_descriptors != 0) size += CMSG_SPACE(options.max_descriptors * sizeof(int));
    if (options.credentials) size += CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int));
    return size;
}

// What the kernel would drop without a word is refused.
void check(const SendmsgOptions& options, int family, const std::string& whom) {
    if (options.descriptors.empty() && !options.credentials) return;
    const std::string what = "cannot pass " +
                             std::string(options.descriptors.empty() ? "credentials" : "descriptors") +
                             " to " + whom;
    if (family != AF_UNIX) throw_os_error(EOPNOTSUPP, what, "only Unix sockets carry them");
    if (options.descriptors.size() > max_passed_descriptors) {
        throw_os_error(EINVAL, what,
                       std::to_string(options.descriptors.size()) +
                           " are too many for one message, at most " +
                           std::to_string(max_passed_descriptors) + " fit");
    }
}

// Takes the descriptors of one control message; what is beyond `most` is closed.
void take_descriptors(const std::byte* data, std::size_t count, std::size_t most, ReceivedMessage& message) {
    // First of all each gets an owner, so that none is lost where memory runs out.
    std::array<UniqueFd, max_passed_descriptors> owned;
    for (std::size_t i = 0; i < std::min(count, owned.size()); ++i) {
        int fd = -1;
        std::memcpy(&fd, data + i * sizeof fd, sizeof fd);
        owned[i] = UniqueFd(fd);
    }
    message.descriptors.reserve(std::min(count, most));
    for (std::size_t i = 0; i < std::min(count, owned.size()); ++i) {
        if (message.descriptors.size() == most) {
            // The padding of the buffer has room for one more than was asked for.
            message.flags |= MSG_CTRUNC;
            break;
        }
        message.descriptors.push_back(std::move(owned[i]));
    }
}

void take(const cmsghdr& header, std::size_t most_descriptors, ReceivedMessage& message) {
    const std::byte* const data = reinterpret_cast<const std::byte*>(&header) + CMSG_LEN(0);
    const std::size_t size = header.cmsg_len - CMSG_LEN(0);
    if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS) {
        take_descriptors(data, size / sizeof(int), most_descriptors, message);
    } else if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == scm_pidfd && size == sizeof(int)) {
        int fd = -1;
        std::memcpy(&fd, data, sizeof fd);
        if (fd >= 0) message.process = UniqueFd(fd);
    } else if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_CREDENTIALS &&
               size == sizeof(ucred)) {
        ucred who;
        std::memcpy(&who, data, sizeof who);
        message.credentials = Credentials{who.pid, who.uid, who.gid};
    } else {
        message.ancillary.push_back(
            {header.cmsg_level, header.cmsg_type, std::string(reinterpret_cast<const char*>(data), size)});
    }
}

// Descriptors before all else: what comes after allocates, and may throw.
void take_all(msghdr& header, std::size_t most_descriptors, ReceivedMessage& message) {
    const auto is_rights = [](const cmsghdr& control) {
        return control.cmsg_level == SOL_SOCKET &&
               (control.cmsg_type == SCM_RIGHTS || control.cmsg_type == scm_pidfd);
    };
    for (const bool rights : {true, false}) {
        for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
            if (is_rights(*at) == rights) take(*at, most_descriptors, message);
        }
    }
}

}  // namespace

std::size_t Socket::sendmsg(std::span<const std::string_view> pieces, const SendmsgOptions& options) {
    const Deadline until = deadline(options.flags);
    if (is_open()) check(options, family_, options.address ? options.address->to_string() : peer_name());
    Vectors vectors(pieces);
    ControlBuffer control(control_size(options));
    ControlWriter writer(control);
    if (!options.descriptors.empty())
        writer.add(SOL_SOCKET, SCM_RIGHTS, options.descriptors.data(), options.descriptors.size_bytes());
    if (options.credentials) {
        const ucred who = {options.credentials->pid, options.credentials->uid, options.credentials->gid};
        writer.add(SOL_SOCKET, SCM_CREDENTIALS, &who, sizeof who);
    }
    for (const ControlMessage& message : options.ancillary)
        writer.add(message.level, message.type, message.data.data(), message.data.size());
    std::optional<Address> receiver;
    if (options.address) receiver = to_own_family(*options.address, "send to");

    const ssize_t size = descriptor_.perform(Direction::write, until, 0, [&](int fd) {
        msghdr message = {};
        vectors.lend_to(message);
        control.lend_to(message);
        if (receiver) {
            message.msg_name = const_cast<sockaddr*>(receiver->data());
            message.msg_namelen = receiver->size();
        }
        return ::sendmsg(fd, &message, options.flags | MSG_NOSIGNAL);
    });
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno == EBADF && is_open() && !options.descriptors.empty())
        throw_os_error(EBADF, "cannot pass descriptors to " + peer_name(), "one of them is closed");
    if (receiver) fail("send to", receiver->to_string());
    fail("send to");
}

std::size_t Socket::sendmsg(std::string_view data, const SendmsgOptions& options) {
    return sendmsg(std::span(&data, 1), options);
}

ReceivedMessage Socket::recvmsg_into(std::span<const std::span<char>> buffers,
                                     const RecvmsgOptions& options) {
    if (options.max_descriptors > max_passed_descriptors || options.ancillary_size > max_ancillary_size) {
        throw_os_error(EINVAL, "cannot make room for what comes beside a message",
                       "at most " + std::to_string(max_passed_descriptors) + " descriptors and " +
                           std::to_string(max_ancillary_size) + " bytes are possible");
    }
    Vectors vectors(buffers);
    ControlBuffer control(control_size(options));
    sockaddr_storage sender = {};
    msghdr header = {};
    const ssize_t size = descriptor_.perform(Direction::read, deadline(options.flags), 0, [&](int fd) {
        header = {};
        vectors.lend_to(header);
        control.lend_to(header);
        header.msg_name = &sender;
        header.msg_namelen = sizeof sender;
        return ::recvmsg(fd, &header, options.flags | MSG_CMSG_CLOEXEC);
    });
    if (size < 0) fail("receive from");
    ReceivedMessage message;
    message.size = static_cast<std::size_t>(size);
    message.flags = header.msg_flags & ~MSG_CMSG_CLOEXEC;
    take_all(header, options.max_descriptors, message);
    if (header.msg_namelen != 0) message.address = Address::from_sockaddr(sender, header.msg_namelen);
    return message;
}

ReceivedMessage Socket::recvmsg(std::size_t size, const RecvmsgOptions& options) {
    std::string data(size, '\0');
    const std::span<char> buffer(data);
    ReceivedMessage message = recvmsg_into(std::span(&buffer, 1), options);
    data.resize(std::min(size, message.size));
    message.data = std::move(data);
    return message;
}

void Socket::send_fds(std::string_view data, std::span<const int> descriptors) {
    if (data.empty() && is_stream() && !descriptors.empty()) {
        throw_os_error(EINVAL, "cannot pass descriptors to " + peer_name(),
                       "a stream carries them beside at least one byte");
    }
    const Timeout limit(deadline());  // of the whole
    const std::size_t sent = sendmsg(data, {.descriptors = descriptors});
    if (sent < data.size()) sendall(data.substr(sent));
}

ReceivedMessage Socket::recv_fds(std::size_t size, std::size_t max_descriptors) {
    return recvmsg(size, {.max_descriptors = max_descriptors});
}

Credentials Socket::peer_credentials() const {
    if (is_open() && family_ != AF_UNIX) {
        throw_os_error(EOPNOTSUPP, "cannot tell the credentials of " + peer_name(),
                       "only Unix sockets know who is at the other end");
    }
    const auto who = getsockopt<ucred>(SOL_SOCKET, SO_PEERCRED);
    return {who.pid, who.uid, who.gid};
}

}  // namespace thrum
