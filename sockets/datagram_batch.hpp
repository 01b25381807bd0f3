// thrum/sockets/datagram_batch.hpp: floor 2, sockets
// DatagramBatch: many datagrams in one system call, in memory that is made once.
#pragma once

#include <thrum/sockets/address.hpp>

#include <cstddef>
#include <iterator>
#include <memory>
#include <string_view>

struct mmsghdr;

namespace thrum {

inline constexpr std::size_t default_batch_size = 64;
inline constexpr std::size_t max_batch_size = 1024;  // UIO_MAXIOV: what the kernel takes at once
inline constexpr std::size_t default_datagram_size = 2048;
inline constexpr std::size_t max_datagram_size = 65536;  // no UDP datagram, and no run of segments, is larger

// A table of messages for Socket::recv_batch() and Socket::send_batch() (recvmmsg(2), sendmmsg(2)). A message
// is one datagram, or with UDP_GRO and UDP_SEGMENT (udp(7)) a run of datagrams of one size that the kernel
// takes apart or has put together. Once made, nothing is allocated. Move-only; one thread at a time.
class DatagramBatch {
public:
    // Where datagrams were received to, and what is to be sent.
    class Datagram {
    public:
        // Of a received one until the next recv_batch(), clear() or the end of the batch.
        std::string_view data() const noexcept { return data_; }
        // Who sent it, or to whom it goes; nowhere for the connected peer.
        Address address() const { return batch_->address(message_); }
        // What was beyond the batch's datagram size is lost.
        bool truncated() const noexcept;
        // Of which message of the batch it is.
        std::size_t message() const noexcept { return message_; }

    private:
        friend class DatagramBatch;
        const DatagramBatch* batch_ = nullptr;
        std::size_t message_ = 0;
        std::string_view data_;
    };

    // A forward iterator over the datagrams, each run of segments taken apart.
    class Iterator {
    public:
        using value_type = Datagram;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::input_iterator_tag;
        const Datagram& operator*() const noexcept { return datagram_; }
        const Datagram* operator->() const noexcept { return &datagram_; }
        Iterator& operator++() noexcept;
        Iterator operator++(int) noexcept {
            const Iterator before = *this;
            ++*this;
            return before;
        }
        friend bool operator==(const Iterator& a, const Iterator& b) noexcept {
            return a.datagram_.message() == b.datagram_.message() && a.offset_ == b.offset_;
        }

    private:
        friend class DatagramBatch;
        void look() noexcept;
        Datagram datagram_;
        std::size_t offset_ = 0;
    };

    // Room for so many messages, received ones of up to so many bytes: 0 for a batch that is only sent.
    // With UDP_GRO a message can have max_datagram_size bytes. Throws OSError(EINVAL) for no message, or more
    // than max_batch_size of max_datagram_size bytes.
    explicit DatagramBatch(std::size_t capacity = default_batch_size,
                           std::size_t datagram_size = default_datagram_size);
    DatagramBatch(DatagramBatch&& other) noexcept;
    DatagramBatch& operator=(DatagramBatch&& other) noexcept;
    ~DatagramBatch();

    std::size_t capacity() const noexcept { return capacity_; }
    // Messages in it, and how many of them the last send_batch() sent.
    std::size_t size() const noexcept { return size_; }
    std::size_t sent() const noexcept { return sent_; }
    bool empty() const noexcept { return size_ == 0; }
    bool full() const noexcept { return size_ == capacity_; }

    Iterator begin() const noexcept;
    Iterator end() const noexcept;

    void clear() noexcept { size_ = sent_ = 0; }
    // Adds a message to send: `data` itself, which must stay as it is until it is sent. With a segment size
    // the kernel makes datagrams of so many bytes of it, the last perhaps shorter (UDP_SEGMENT; at most 64 of
    // them, 65,507 bytes together). False when the batch is full. Throws AddressError for a name.
    [[nodiscard]] bool add(std::string_view data, const Address& address, std::size_t segment_size = 0);
    // The same, to the peer the socket is connected to.
    [[nodiscard]] bool add(std::string_view data, std::size_t segment_size = 0);

private:
    friend class Socket;
    struct Slot;

    Address address(std::size_t message) const;
    // For recvmmsg(): every message as it was made. After it: `count` messages are there.
    mmsghdr* prepare() noexcept;
    void received(std::size_t count) noexcept;

    std::size_t capacity_;
    std::size_t datagram_size_;
    std::size_t size_ = 0;
    std::size_t sent_ = 0;
    std::size_t dirty_;  // messages that are not as prepare() makes them
    std::unique_ptr<mmsghdr[]> headers_;
    std::unique_ptr<Slot[]> slots_;
    std::unique_ptr<char[]> bytes_;
};

}  // namespace thrum
