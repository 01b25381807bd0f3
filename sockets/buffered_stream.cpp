// thrum/sockets/buffered_stream.cpp: floor 2, sockets
// The buffer: one stretch of bytes that moves to the front when its end runs short.
#include <thrum/sockets/buffered_stream.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

namespace thrum {
namespace {

// fill() makes room when fewer bytes are free at the end: smaller reads would cost more calls than moving
// costs.
constexpr std::size_t least_room = 1024;

[[noreturn]] void too_long(const Stream& stream, std::size_t limit) {
    throw LineTooLongError(EMSGSIZE, "cannot read from " + stream.peer_name() + ": more than " +
                                         std::to_string(limit) +
                                         " bytes came without the end that was waited for");
}

}  // namespace

std::size_t BufferedStream::fill() {
    if (!pending_.empty()) flush();
    if (begin_ == end_) begin_ = end_ = 0;
    const std::size_t wanted = std::min(least_room, buffer_size_ / 4);
    if (capacity_ - end_ < wanted) {
        const std::size_t held = end_ - begin_;
        if (capacity_ - held < std::max(wanted, capacity_ / 2)) {
            const std::size_t larger = capacity_ == 0 ? buffer_size_ : capacity_ * 2;
            std::unique_ptr<char[]> moved(new char[larger]);
            if (held != 0) std::memcpy(moved.get(), data_.get() + begin_, held);
            data_ = std::move(moved);
            capacity_ = larger;
        } else {
            std::memmove(data_.get(), data_.get() + begin_, held);
        }
        begin_ = 0;
        end_ = held;
    }
    const std::size_t got = stream_->recv_into({data_.get() + end_, capacity_ - end_});
    end_ += got;
    return got;
}

void BufferedStream::consume(std::size_t size) noexcept {
    if (size > end_ - begin_) std::abort();  // a caller's bug: it takes what it has not seen
    begin_ += size;
}

void BufferedStream::release_buffer() noexcept {
    if (begin_ != end_) return;
    data_.reset();
    capacity_ = begin_ = end_ = 0;
}

std::string BufferedStream::take(std::size_t size) {
    std::string taken(buffered().substr(0, size));
    consume(size);
    return taken;
}

// Where in the buffer the delimiter begins; npos when the stream ended before it. Looks at no byte twice.
std::size_t BufferedStream::find_delimiter(std::string_view delimiter, std::size_t limit) {
    std::size_t searched = 0;
    for (;;) {
        const std::string_view have = buffered();
        const std::size_t at = have.find(delimiter, searched);
        // The end of what is there may be a delimiter's beginning.
        const std::size_t before = have.size() - std::min(have.size(), delimiter.size());
        if (at != std::string_view::npos ? at > limit : before > limit) too_long(*stream_, limit);
        if (at != std::string_view::npos) return at;
        searched = have.size() < delimiter.size() ? 0 : have.size() - delimiter.size() + 1;
        if (fill() == 0) return std::string_view::npos;
    }
}

std::optional<std::string> BufferedStream::readline(std::size_t limit) {
    const std::size_t at = find_delimiter("\n", limit);
    const bool ended = at == std::string_view::npos;
    if (ended && buffered().empty()) return std::nullopt;
    if (ended && buffered().size() > limit) too_long(*stream_, limit);
    std::string line = take(ended ? buffered().size() : at);
    if (!ended) consume(1);
    if (!ended && line.ends_with('\r')) line.pop_back();
    return line;
}

std::string BufferedStream::read_until(std::string_view delimiter, std::size_t limit) {
    const std::size_t at = find_delimiter(delimiter, limit);
    if (at != std::string_view::npos) return take(at + delimiter.size());
    const std::size_t came = buffered().size();
    throw IncompleteReadError("the stream from " + stream_->peer_name() + " ended after " +
                                  std::to_string(came) + " bytes, before the delimiter",
                              take(came));
}

std::string BufferedStream::read_exactly(std::size_t size) {
    std::string data = take(std::min(size, buffered().size()));
    // Memory is made for what comes, not for what a peer promised.
    while (data.size() < size) {
        const std::size_t before = data.size();
        data.resize(before + std::min(size - before, std::max(before, default_line_limit)));
        std::size_t got = 0;
        try {
            got = read_into(std::span(data).subspan(before));
        } catch (...) {
            put_back(std::string_view(data).substr(0, before));
            throw;
        }
        data.resize(before + got);
        if (got == 0) {
            throw IncompleteReadError("the stream from " + stream_->peer_name() + " ended after " +
                                          std::to_string(before) + " of " + std::to_string(size) + " bytes",
                                      std::move(data));
        }
    }
    return data;
}

std::string BufferedStream::read(std::size_t size) {
    if (size != 0 && buffered().empty()) fill();
    return take(std::min(size, buffered().size()));
}

std::size_t BufferedStream::read_into(std::span<char> buffer) {
    if (buffer.empty()) return 0;
    if (buffered().empty()) {
        if (buffer.size() >= buffer_size_) {
            if (!pending_.empty()) flush();
            return stream_->recv_into(buffer);
        }
        fill();
    }
    const std::size_t size = std::min(buffer.size(), buffered().size());
    std::memcpy(buffer.data(), buffered().data(), size);
    consume(size);
    return size;
}

std::string BufferedStream::read_all(std::size_t limit) {
    std::string data;
    for (;;) {
        if (buffered().size() > limit - data.size()) {
            put_back(data);
            too_long(*stream_, limit);
        }
        data.append(buffered());
        consume(buffered().size());
        try {
            if (fill() == 0) return data;
        } catch (...) {
            put_back(data);
            throw;
        }
    }
}

// Before what is in the buffer.
void BufferedStream::put_back(std::string_view data) {
    const std::string_view held = buffered();
    const std::size_t size = std::max(buffer_size_, data.size() + held.size());
    std::unique_ptr<char[]> larger(new char[size]);
    if (!data.empty()) std::memcpy(larger.get(), data.data(), data.size());
    if (!held.empty()) std::memcpy(larger.get() + data.size(), held.data(), held.size());
    end_ = data.size() + held.size();
    begin_ = 0;
    data_ = std::move(larger);
    capacity_ = size;
}

void BufferedStream::write(std::string_view data) {
    if (pending_.size() + data.size() <= write_buffer_limit) {
        pending_ += data;
        return;
    }
    // What is large goes from where it is, behind what waits, in one call.
    const std::string waiting = std::exchange(pending_, {});
    const std::array<std::string_view, 2> pieces = {waiting, data};
    stream_->sendall(pieces);
}

void BufferedStream::flush() {
    // Emptied whatever happens: after a failure nobody knows what has gone, and it must not go twice.
    struct Emptied {
        std::string& pending;
        ~Emptied() { pending.clear(); }
    } emptied{pending_};
    if (!pending_.empty()) stream_->sendall(std::string_view(pending_));
}

}  // namespace thrum
