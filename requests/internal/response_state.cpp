// thrum/requests/internal/response_state.cpp: floor 4, requests
// Bodies: decoded, bounded, cut to size.
#include <thrum/base/text.hpp>
#include <thrum/requests/errors.hpp>
#include <thrum/requests/internal/response_state.hpp>

#include <algorithm>

namespace thrum::requests::internal {

ResponseState::ResponseState(Reply reply, Context given, const http::Url& from, const Options& options)
    : context(std::move(given)),
      status(reply.status),
      reason(std::move(reply.reason)),
      headers(std::move(reply.headers)),
      elapsed(reply.elapsed),
      body_(std::move(reply.body)),
      max_content_(options.max_content) {
    if (context.url.find('@') != std::string::npos) url_ = from.without_credentials().to_string();
    if (body_ && options.decode) set_coding();
}

// RFC 9110 §8.4 lets codings be piled up; nobody does so honestly, and each level multiplies what a bomb
// does.
void ResponseState::set_coding() {
    std::vector<std::string_view> codings;
    for (const std::string_view field : headers.get_all("Content-Encoding")) {
        for (const std::string_view item : split(field, ',')) {
            const std::string_view name = trim(item);
            if (!name.empty() && !iequals(name, "identity")) codings.push_back(name);
        }
    }
    if (codings.size() > 1) {
        failure_ = std::make_exception_ptr(ContentDecodingError(
            message(context, "the body is coded " + std::to_string(codings.size()) +
                                 " times over; thrum undoes one coding, as it asked for"),
            context.url));
        body_.reset();
    } else if (!codings.empty()) {
        if (const auto known = coding_of(codings.front())) decoder_.emplace(*known);
    }
}

std::string_view ResponseState::read_coded() {
    if (!body_ || coded_size_ > coded_limit_) return {};
    const Deadline outer = current_deadline();
    try {
        const thrum::Timeout scope(context.deadline);
        const std::string_view piece = body_->read(context);
        coded_size_ += piece.size();
        if (piece.empty()) body_.reset();
        return piece;
    } catch (const OSError&) {
        rethrow_for(context, Phase::body, outer);
    }
}

std::string_view ResponseState::next_piece() {
    if (failure_) std::rethrow_exception(failure_);
    try {
        const std::string_view piece = read_decoded();
        ended_ = piece.empty();
        return piece;
    } catch (const RequestException&) {
        failure_ = std::current_exception();
        body_.reset();
        throw;
    } catch (...) {
        failure_ = std::make_exception_ptr(
            RequestException(message(context, "reading the body was given up before its end"), context.url));
        body_.reset();
        throw;
    }
}

void ResponseState::check_unread(bool whole) const {
    if (loaded || !streamed || (!whole && !ended_)) return;
    throw RequestException(message(context, "the body was read piece by piece before, and is gone"),
                           context.url);
}

ContentDecodingError ResponseState::bad_coding(Decoder::Status status) const {
    std::string what;
    if (status == Decoder::Status::bomb) {
        what = "the body unpacks to more than " + std::to_string(max_decoded_ratio) +
               " times its size, as an attack would; it was stopped";
    } else if (status == Decoder::Status::barren) {
        what = "more than " + std::to_string(max_barren) +
               " bytes of the coded body in a row hold nothing, as in an attack; it was stopped";
    } else {
        what = "the body is not what Content-Encoding: " + std::string(headers.get("Content-Encoding", "")) +
               " says";
    }
    return ContentDecodingError(message(context, what), context.url);
}

std::string_view ResponseState::read_decoded() {
    if (!decoder_) return read_coded();
    if (!decoded_) decoded_ = std::make_unique_for_overwrite<char[]>(decoded_buffer_size);
    for (;;) {
        if (coded_.empty() && !more_output_) {
            coded_ = read_coded();
            if (coded_.empty()) {
                if (!decoder_->may_end() && coded_size_ <= coded_limit_) {
                    throw ContentDecodingError(message(context, "the coded body ends too early"),
                                               context.url);
                }
                return {};
            }
        }
        std::size_t produced = 0;
        const auto status = decoder_->decode(coded_, {decoded_.get(), decoded_buffer_size}, produced);
        more_output_ = produced == decoded_buffer_size;
        if (status != Decoder::Status::ok && status != Decoder::Status::finished) throw bad_coding(status);
        if (produced > 0) return {decoded_.get(), produced};
    }
}

void ResponseState::check_content_size(std::uint64_t size) {
    if (size <= max_content_) return;
    const ContentTooLarge error(
        message(context, "the body is larger than " + std::to_string(max_content_) +
                             " bytes, the most that is kept in memory; read it with .stream = true, or raise "
                             ".max_content"),
        context.url);
    failure_ = std::make_exception_ptr(error);
    body_.reset();
    throw error;
}

void ResponseState::load() {
    if (loaded) return;
    if (!decoder_) {
        const auto length = parse_unsigned(headers.get("Content-Length", "")).value_or(0);
        if (body_) check_content_size(length);
        content.reserve(std::min<std::size_t>(length, max_reserved));
    }
    for (std::string_view piece; !(piece = next_piece()).empty();) {
        check_content_size(content.size() + piece.size());
        // Coding makes what cannot be packed a little larger, but not without end.
        const std::uint64_t honest = coded_size_ - coded_size_ / 64;
        if (decoder_ && honest > max_barren) check_content_size(honest - max_barren);
        content.append(piece);
    }
    loaded = true;
}

void ResponseState::drain() {
    coded_limit_ = max_drained;
    const Deadline outer = current_deadline();
    try {
        const thrum::Timeout scope(max_drain_time);
        for (std::string_view piece; !(piece = next_piece()).empty();) {
            if (content.size() + piece.size() > max_drained) break;
            content.append(piece);
        }
    } catch (const RequestException&) {
        // A redirect counts for its Location; that its body is broken is of no matter.
    } catch (const TimeoutError&) {
        if (std::chrono::steady_clock::now() >= outer) throw;
    }
    body_.reset();
    loaded = true;
}

PieceReader::PieceReader(std::shared_ptr<ResponseState> state, std::size_t chunk_size)
    : state_(std::move(state)), chunk_size_(chunk_size) {}

std::string_view PieceReader::next_any() {
    if (!state_->loaded) {
        state_->streamed = true;
        return state_->next_piece();
    }
    const std::string_view piece = std::string_view(state_->content).substr(position_);
    position_ = state_->content.size();
    return piece;
}

std::string_view PieceReader::next() {
    if (chunk_size_ == 0) return next_any();
    chunk_.clear();
    for (;;) {
        if (rest_.empty() && (rest_ = next_any()).empty()) return chunk_;
        const std::string_view part = rest_.substr(0, chunk_size_ - chunk_.size());
        rest_.remove_prefix(part.size());
        if (part.size() == chunk_size_) return part;
        chunk_.append(part);
        if (chunk_.size() == chunk_size_) return chunk_;
    }
}

LineReader::LineReader(std::shared_ptr<ResponseState> state)
    : pieces_(state, 0), context_(state->context), max_line_(state->max_content_) {}

bool LineReader::next(std::string_view& line) {
    line_.clear();
    for (;;) {
        if (rest_.empty() && (rest_ = pieces_.next()).empty()) {
            line = line_;
            return !line_.empty();
        }
        const std::size_t end = rest_.find('\n');
        const std::string_view part = rest_.substr(0, end);
        rest_.remove_prefix(std::min(part.size() + 1, rest_.size()));
        if (line_.size() + part.size() > max_line_) {
            throw ContentTooLarge(
                message(context_, "a line of the body is longer than " + std::to_string(max_line_) +
                                      " bytes; raise .max_content"),
                context_.url);
        }
        if (end != part.npos && line_.empty()) {
            line = part;
        } else {
            line_.append(part);
            line = line_;
        }
        if (end == part.npos) continue;
        if (line.ends_with('\r')) line.remove_suffix(1);
        return true;
    }
}

}  // namespace thrum::requests::internal
