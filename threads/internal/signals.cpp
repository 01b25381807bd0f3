// thrum/threads/internal/signals.cpp: floor 1, threads
#include <thrum/base/errors.hpp>
#include <thrum/threads/inspect.hpp>
#include <thrum/threads/internal/fiber.hpp>
#include <thrum/threads/internal/monitor.hpp>
#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/signals.hpp>
#include <thrum/threads/internal/unwind.hpp>

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace thrum {

namespace internal {

namespace {

constexpr int signal_numbers = 128;
std::array<std::atomic<bool>, signal_numbers> dumps{};  // by signal

void on_dump_signal(int) {
    const int saved = errno;
    ask_for_dump();
    errno = saved;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

constexpr std::size_t guard_bytes = 4096;
constexpr std::size_t handler_stack_bytes = 64 * 1024;

std::array<struct sigaction, 2> before{};  // SIGSEGV's and SIGBUS's

void say(std::string_view text) noexcept {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

// snprintf() may allocate.
void say(std::uint64_t number) noexcept {
    std::array<char, 20> digits;
    std::size_t at = digits.size();
    do {
        digits[--at] = static_cast<char>('0' + number % 10);
    } while ((number /= 10) > 0);
    say(std::string_view(&digits[at], digits.size() - at));
}

void report_overflow(const Fiber& fiber) noexcept {
    say("thrum: stack overflow in thread ");
    if (fiber.given_name().empty()) {
        say("Thread-");
        say(fiber.id.load());
    } else {
        say(fiber.given_name());
    }
    say(": it needs more than the ");
    say(fiber.stack.size / 1024);
    say(" KB of its stack. Give it more with ThreadOptions::stack_size, or put large arrays on the heap.\n");
}

void on_fault(int number, siginfo_t* info, void* context) {
    Worker* const worker = Worker::current();
    const Fiber* const fiber = worker == nullptr ? nullptr : worker->running();
    const auto* const address = static_cast<const char*>(info->si_addr);
    if (fiber != nullptr && address >= fiber->stack.base && address < fiber->stack.base + guard_bytes) {
        report_overflow(*fiber);
    }
    const struct sigaction& old = before[number == SIGSEGV ? 0 : 1];
    if ((old.sa_flags & SA_SIGINFO) != 0) {
        old.sa_sigaction(number, info, context);
    } else if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) {
        old.sa_handler(number);
    } else {
        // The fault happens again on return, and ends the process with the place where it was.
        ::signal(number, SIG_DFL);
        if (info->si_code <= 0) ::raise(number);  // sent by kill(2): it will not happen again by itself
    }
}

#endif

}  // namespace

bool answers_with_dump(int signal) noexcept {
    return signal > 0 && signal < signal_numbers && dumps[static_cast<std::size_t>(signal)].load();
}

void dump_on_signal_of_environment() noexcept {
    const char* const text = std::getenv("THRUM_DUMP_SIGNAL");
    if (text == nullptr || *text == '\0') return;
    std::string_view name = text;
    if (name.starts_with("SIG")) name.remove_prefix(3);
    for (const auto& [word, number] : {std::pair{"QUIT", SIGQUIT}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}}) {
        if (name != word) continue;
        try {
            dump_threads_on_signal(number);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "thrum: %s\n", error.what());
        }
        return;
    }
    std::fprintf(stderr, "thrum: THRUM_DUMP_SIGNAL=%s is none of QUIT, USR1, USR2; ignored\n", text);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

void watch_for_overflow() noexcept {
    const std::pair<int, struct sigaction*> faults[] = {{SIGSEGV, &before[0]}, {SIGBUS, &before[1]}};
    for (const auto& [number, old] : faults) {
        struct sigaction ours {};
        ours.sa_sigaction = &on_fault;
        ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
        ::sigemptyset(&ours.sa_mask);
        ::sigaction(number, &ours, old);
    }
}

void prepare_for_overflow() noexcept {
    void* const memory =
        ::mmap(nullptr, handler_stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    stack_t stack{};
    stack.ss_sp = memory;
    stack.ss_size = handler_stack_bytes;
    ::sigaltstack(&stack, nullptr);
}

#else

void watch_for_overflow() noexcept {}
void prepare_for_overflow() noexcept {}

#endif

}  // namespace internal

void dump_threads_on_signal(int signal) {
    if (signal <= 0 || signal >= internal::signal_numbers) {
        throw_os_error(EINVAL,
                       "cannot answer signal " + std::to_string(signal) + " with a dump of all threads");
    }
    if (internal::Runtime::started() == nullptr) internal::Runtime::get();
    struct sigaction action {};
    action.sa_handler = &internal::on_dump_signal;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    internal::dumps[static_cast<std::size_t>(signal)].store(true);
    if (::sigaction(signal, &action, nullptr) != 0) {
        const int error = errno;
        internal::dumps[static_cast<std::size_t>(signal)].store(false);
        throw_os_error(error,
                       "cannot answer signal " + std::to_string(signal) + " with a dump of all threads");
    }
}

}  // namespace thrum
