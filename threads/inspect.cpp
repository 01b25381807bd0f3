// thrum/threads/inspect.cpp: floor 1, threads
#include <thrum/threads/inspect.hpp>
#include <thrum/threads/internal/pause.hpp>
#include <thrum/threads/internal/registry.hpp>
#include <thrum/threads/internal/snapshot.hpp>

#include <unistd.h>

#include <cerrno>
#include <exception>

namespace thrum {

std::vector<ThreadSnapshot> enumerate_threads() {
    internal::Look look = internal::look_at_all_threads();
    std::vector<ThreadSnapshot> all;
    for (internal::Seen& seen : look.threads) {
        seen.thread.stack = internal::describe_stack(seen.frames);
        all.push_back(std::move(seen.thread));
    }
    return all;
}

std::size_t active_count() {
    std::size_t count = 0;
    internal::for_each_os_task([&](internal::Task&) { ++count; });
    internal::for_each_fiber([&](const internal::FiberReference& fiber) {
        if (!internal::Pause::is_ours(fiber->run)) ++count;
    });
    return count;
}

std::string describe_threads() { return internal::describe(internal::look_at_all_threads()); }

void dump_threads(int fd) noexcept {
    try {
        const std::string text = describe_threads();
        std::string_view rest = text;
        while (!rest.empty()) {
            const ssize_t written = ::write(fd, rest.data(), rest.size());
            if (written < 0 && errno != EINTR) return;
            if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
        }
    } catch (const std::exception&) {
        // Out of memory, and nobody to tell.
    }
}

void dump_threads(std::FILE* stream) noexcept {
    try {
        const std::string text = describe_threads();
        std::fwrite(text.data(), 1, text.size(), stream);
        std::fflush(stream);
    } catch (const std::exception&) {
        // As above.
    }
}

}  // namespace thrum
