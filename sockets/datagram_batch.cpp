// thrum/sockets/datagram_batch.cpp: floor 2, sockets
// The table that recvmmsg(2) and sendmmsg(2) work on.
#include <thrum/sockets/datagram_batch.hpp>
#include <thrum/sockets/socket.hpp>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace thrum {

struct DatagramBatch::Slot {
    iovec bytes = {};
    std::size_t segment = 0;  // bytes of each datagram of a run; 0 where the message is one datagram
    sockaddr_storage address = {};
    // UDP_GRO's int or UDP_SEGMENT's 16 bits.
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control = {};
};

namespace {

// What the kernel has put together says of what size.
std::size_t run_of(msghdr& header) noexcept {
    for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
        if (at->cmsg_level != SOL_UDP || at->cmsg_type != UDP_GRO) continue;
        int size = 0;
        std::memcpy(&size, CMSG_DATA(at), sizeof size);
        return size > 0 ? static_cast<std::size_t>(size) : 0;
    }
    return 0;
}

// Tells the kernel to make datagrams of that size.
void ask_for_segments(msghdr& header, std::span<std::byte> room, std::size_t segment) noexcept {
    const auto size = static_cast<std::uint16_t>(segment);
    cmsghdr control = {};
    control.cmsg_level = SOL_UDP;
    control.cmsg_type = UDP_SEGMENT;
    control.cmsg_len = CMSG_LEN(sizeof size);
    std::memcpy(room.data(), &control, sizeof control);
    std::memcpy(room.data() + CMSG_LEN(0), &size, sizeof size);
    header.msg_control = room.data();
    header.msg_controllen = CMSG_SPACE(sizeof size);
}

}  // namespace

DatagramBatch::DatagramBatch(std::size_t capacity, std::size_t datagram_size)
    : capacity_(capacity), datagram_size_(datagram_size), dirty_(capacity) {
    if (capacity == 0 || capacity > max_batch_size || datagram_size > max_datagram_size) {
        throw_os_error(EINVAL,
                       "cannot make a batch of " + std::to_string(capacity) + " datagrams of " +
                           std::to_string(datagram_size) + " bytes",
                       "1 to " + std::to_string(max_batch_size) + " of at most " +
                           std::to_string(max_datagram_size) + " bytes are possible");
    }
    headers_ = std::make_unique<mmsghdr[]>(capacity);
    slots_ = std::make_unique<Slot[]>(capacity);
    // Pages that no datagram reaches are never touched.
    if (datagram_size != 0) bytes_.reset(new char[capacity * datagram_size]);
}

DatagramBatch::DatagramBatch(DatagramBatch&& other) noexcept = default;
DatagramBatch& DatagramBatch::operator=(DatagramBatch&& other) noexcept = default;
DatagramBatch::~DatagramBatch() = default;

mmsghdr* DatagramBatch::prepare() noexcept {
    size_ = sent_ = 0;
    for (std::size_t i = 0; i < dirty_; ++i) {
        Slot& slot = slots_[i];
        slot.bytes = {bytes_.get() + i * datagram_size_, datagram_size_};
        msghdr& header = headers_[i].msg_hdr;
        header = {};
        header.msg_name = &slot.address;
        header.msg_namelen = sizeof slot.address;
        header.msg_iov = &slot.bytes;
        header.msg_iovlen = 1;
        header.msg_control = slot.control.data();
        header.msg_controllen = slot.control.size();
    }
    dirty_ = 0;
    return headers_.get();
}

// Leaves each message ready to be sent back to where it came from, in the same segments.
void DatagramBatch::received(std::size_t count) noexcept {
    size_ = dirty_ = count;
    for (std::size_t i = 0; i < count; ++i) {
        Slot& slot = slots_[i];
        msghdr& header = headers_[i].msg_hdr;
        slot.bytes.iov_len = std::min<std::size_t>(headers_[i].msg_len, datagram_size_);
        slot.segment = header.msg_controllen != 0 ? run_of(header) : 0;
        if (slot.segment >= slot.bytes.iov_len) slot.segment = 0;
        header.msg_control = nullptr;
        header.msg_controllen = 0;
        if (slot.segment != 0) ask_for_segments(header, slot.control, slot.segment);
    }
}

bool DatagramBatch::add(std::string_view data, const Address& address, std::size_t segment_size) {
    if (full()) return false;
    const sockaddr* const where = address.data();
    if (!add(data, segment_size)) return false;
    Slot& slot = slots_[size_ - 1];
    std::memcpy(&slot.address, where, address.size());
    msghdr& header = headers_[size_ - 1].msg_hdr;
    header.msg_name = &slot.address;
    header.msg_namelen = address.size();
    return true;
}

bool DatagramBatch::add(std::string_view data, std::size_t segment_size) {
    if (segment_size > max_datagram_size - 1)
        throw_os_error(EINVAL, "cannot send datagrams of " + std::to_string(segment_size) + " bytes");
    if (full()) return false;
    Slot& slot = slots_[size_];
    slot.bytes = {const_cast<char*>(data.data()), data.size()};
    slot.segment = segment_size < data.size() ? segment_size : 0;
    msghdr& header = headers_[size_].msg_hdr;
    header = {};
    header.msg_iov = &slot.bytes;
    header.msg_iovlen = 1;
    if (slot.segment != 0) ask_for_segments(header, slot.control, slot.segment);
    ++size_;
    dirty_ = std::max(dirty_, size_);
    return true;
}

Address DatagramBatch::address(std::size_t message) const {
    const msghdr& header = headers_[message].msg_hdr;
    if (header.msg_name == nullptr) return Address();
    return Address::from_sockaddr(slots_[message].address, header.msg_namelen);
}

bool DatagramBatch::Datagram::truncated() const noexcept {
    return (batch_->headers_[message_].msg_hdr.msg_flags & MSG_TRUNC) != 0;
}

void DatagramBatch::Iterator::look() noexcept {
    const DatagramBatch& batch = *datagram_.batch_;
    if (datagram_.message_ >= batch.size_) return;
    const Slot& slot = batch.slots_[datagram_.message_];
    const std::string_view all(static_cast<const char*>(slot.bytes.iov_base), slot.bytes.iov_len);
    datagram_.data_ = all.substr(offset_, slot.segment != 0 ? slot.segment : all.npos);
}

DatagramBatch::Iterator& DatagramBatch::Iterator::operator++() noexcept {
    const Slot& slot = datagram_.batch_->slots_[datagram_.message_];
    offset_ += slot.segment;
    if (slot.segment == 0 || offset_ >= slot.bytes.iov_len) {
        ++datagram_.message_;
        offset_ = 0;
    }
    look();
    return *this;
}

DatagramBatch::Iterator DatagramBatch::begin() const noexcept {
    Iterator first;
    first.datagram_.batch_ = this;
    first.look();
    return first;
}

DatagramBatch::Iterator DatagramBatch::end() const noexcept {
    Iterator past;
    past.datagram_.batch_ = this;
    past.datagram_.message_ = size_;
    return past;
}

std::size_t Socket::recv_batch(DatagramBatch& batch) {
    // A batch that is not full says that the kernel had no more. But to a connected socket it may also have
    // come by a refusal that the next call is to tell (recvmmsg(2), BUGS).
    const std::size_t drained_below = peer_.size == 0 ? batch.capacity() : 0;
    const ssize_t count = descriptor_.perform(Direction::read, deadline(), drained_below, [&](int fd) {
        return ::recvmmsg(fd, batch.prepare(), static_cast<unsigned>(batch.capacity()), 0, nullptr);
    });
    if (count < 0) fail("receive from");
    batch.received(static_cast<std::size_t>(count));
    return batch.size();
}

void Socket::send_batch(DatagramBatch& batch) {
    const Deadline until = deadline();
    batch.sent_ = 0;
    while (batch.sent_ < batch.size_) {
        const ssize_t count = descriptor_.perform(Direction::write, until, 0, [&](int fd) {
            return ::sendmmsg(fd, batch.headers_.get() + batch.sent_,
                              static_cast<unsigned>(batch.size_ - batch.sent_), MSG_NOSIGNAL);
        });
        if (count < 0 && batch.headers_[batch.sent_].msg_hdr.msg_name != nullptr) {
            const int code = errno;
            const std::string whom = batch.address(batch.sent_).to_string();
            errno = code;
            fail("send to", whom);
        }
        if (count < 0) fail("send to");
        batch.sent_ += static_cast<std::size_t>(count);
    }
}

}  // namespace thrum
