// thrum/sockets/buffered_stream.hpp: floor 2, sockets
// BufferedStream: lines and exact sizes from a Stream, and small writes gathered into large ones.
#pragma once

#include <thrum/base/errors.hpp>
#include <thrum/sockets/stream.hpp>

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace thrum {

inline constexpr std::size_t default_buffer_size = 8192;  // bytes of the read buffer, made at the first read
inline constexpr std::size_t default_line_limit = 64 * 1024;  // bytes of readline() and read_until()
inline constexpr std::size_t write_buffer_limit = 16 * 1024;  // bytes gathered before they are sent unasked
inline constexpr std::size_t no_size_limit = static_cast<std::size_t>(-1);

// The stream ended in the middle of what was asked for; code() is ENODATA. partial() is what came.
class IncompleteReadError : public ConnectionError {
public:
    IncompleteReadError(const std::string& what, std::string partial)
        : ConnectionError(ENODATA, what), partial_(std::move(partial)) {}
    const std::string& partial() const noexcept { return partial_; }

private:
    std::string partial_;
};

// A line is longer than its limit; code() is EMSGSIZE. The bytes stay in the buffer.
class LineTooLongError : public OSError {
public:
    using OSError::OSError;
};

// Reads ahead from a Stream that it refers to and that must outlive it. Who wraps a stream reads through the
// wrapper only: bytes in its buffer are no longer in the stream. Writing to the stream itself is fine. One
// thread may read while another writes, but then the writer must flush() itself. Throws what the stream
// throws; what a read had gathered until then stays, to be read again.
class BufferedStream {
public:
    explicit BufferedStream(Stream& stream, std::size_t buffer_size = default_buffer_size) noexcept
        : stream_(&stream), buffer_size_(buffer_size < 64 ? 64 : buffer_size) {}

    // The next line without its "\n" or "\r\n"; nothing at the end of the stream. A last line without a
    // newline counts. Throws LineTooLongError beyond `limit` bytes.
    std::optional<std::string> readline(std::size_t limit = default_line_limit);
    // The lines that are left, each as readline() gives it, read when the loop gets to it:
    // for (const std::string& line : stream.lines()) …
    class Lines;
    Lines lines(std::size_t limit = default_line_limit) noexcept;
    // Everything up to and with `delimiter`, which is not empty. Throws IncompleteReadError when the stream
    // ends before it, LineTooLongError beyond `limit` bytes.
    std::string read_until(std::string_view delimiter, std::size_t limit = default_line_limit);
    // Throws IncompleteReadError when the stream ends before `size` bytes.
    std::string read_exactly(std::size_t size);
    // Up to `size` bytes as soon as there are any; empty at the end of the stream.
    std::string read(std::size_t size);
    // The same into `buffer`; a large one is filled without a copy in between.
    std::size_t read_into(std::span<char> buffer);
    // Everything up to the end of the stream. Throws LineTooLongError beyond `limit` bytes.
    std::string read_all(std::size_t limit = no_size_limit);

    // For parsers: the bytes read ahead, valid until the next call that is not const; to take some off; and
    // to wait for more, which flushes what was written first. fill() returns how many bytes came, 0 at the
    // end of the stream. The buffer grows as long as nothing is consumed: the parser sets the limit.
    std::string_view buffered() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
    void consume(std::size_t size) noexcept;
    std::size_t fill();
    // Gives the read buffer's memory back while it is empty, as for a connection that idles.
    void release_buffer() noexcept;

    // Gathers `data`; sends when write_buffer_limit is reached, on flush(), and before a read waits. What is
    // not flushed when this is destroyed is lost.
    void write(std::string_view data);
    void flush();

    Stream& stream() noexcept { return *stream_; }

private:
    std::size_t find_delimiter(std::string_view delimiter, std::size_t limit);
    std::string take(std::size_t size);
    void put_back(std::string_view data);

    Stream* stream_;
    std::size_t buffer_size_;
    std::unique_ptr<char[]> data_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::string pending_;
};

// An input range over a BufferedStream that must outlive it.
class BufferedStream::Lines {
public:
    class Iterator {
    public:
        using value_type = std::string;
        using difference_type = std::ptrdiff_t;
        Iterator(BufferedStream& stream, std::size_t limit)
            : stream_(&stream), limit_(limit), line_(stream.readline(limit)) {}
        const std::string& operator*() const noexcept { return *line_; }
        const std::string* operator->() const noexcept { return &*line_; }
        Iterator& operator++() {
            line_ = stream_->readline(limit_);
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const Iterator& at, std::default_sentinel_t) noexcept { return !at.line_; }

    private:
        BufferedStream* stream_;
        std::size_t limit_;
        std::optional<std::string> line_;
    };

    Lines(BufferedStream& stream, std::size_t limit) noexcept : stream_(&stream), limit_(limit) {}
    Iterator begin() const { return {*stream_, limit_}; }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    BufferedStream* stream_;
    std::size_t limit_;
};

inline BufferedStream::Lines BufferedStream::lines(std::size_t limit) noexcept { return {*this, limit}; }

}  // namespace thrum
