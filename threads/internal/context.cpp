// thrum/threads/internal/context.cpp: floor 1, threads
#include <thrum/threads/internal/context.hpp>

#include <cxxabi.h>

#if defined(__SANITIZE_ADDRESS__)
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace thrum::internal {

namespace {

// This OS thread's, looked up once: asking the C++ library at each switch would double its price.
constinit thread_local ExceptionState* exceptions_in_flight = nullptr;

#if defined(__x86_64__)
FloatState float_state() noexcept {
    // Two variables: read as one word, what was just stored as two would come late.
    std::uint32_t mxcsr;
    std::uint16_t x87;
    asm volatile("stmxcsr %0" : "=m"(mxcsr));
    asm volatile("fnstcw %0" : "=m"(x87));
    return {mxcsr, x87};
}

void set_float_state(const FloatState& state) noexcept {
    asm volatile("ldmxcsr %0" : : "m"(state.mxcsr));
    asm volatile("fldcw %0" : : "m"(state.x87));
}
#else
// Boost.Context does it.
FloatState float_state() noexcept { return {}; }
void set_float_state(const FloatState&) noexcept {}
#endif

}  // namespace

Context::Context() noexcept {
    exceptions_in_flight = reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals());
#if defined(__SANITIZE_ADDRESS__)
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void* address = nullptr;
        pthread_attr_getstack(&attributes, &address, &size_);
        bottom_ = address;
        pthread_attr_destroy(&attributes);
    }
#endif
#if defined(__SANITIZE_THREAD__)
    tsan_fiber_ = __tsan_get_current_fiber();
#endif
}

Context::Context(char* bottom, char* top, Entry entry) noexcept : entry_(entry) {
    stack_pointer_ = prepare_stack<&Context::begin>(bottom, top);
    // A new thread starts with the settings of the one that made it, as pthread_create(3) has it.
    floats_ = float_state();
#if defined(__SANITIZE_ADDRESS__)
    bottom_ = bottom;
    size_ = static_cast<std::size_t>(top - bottom);
#endif
#if defined(__SANITIZE_THREAD__)
    tsan_fiber_ = __tsan_create_fiber(0);
    own_tsan_fiber_ = true;
#endif
}

Context::~Context() {
#if defined(__SANITIZE_THREAD__)
    if (own_tsan_fiber_) __tsan_destroy_fiber(tsan_fiber_);
#endif
}

// First thing on a new stack.
void Context::begin(void* self) noexcept {
    Context& context = *static_cast<Context*>(self);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(context.fake_stack_, nullptr, nullptr);
#endif
    context.entry_(context);
    __builtin_unreachable();  // an entry ends by switching away for good
}

// TSan must not instrument the function in which it changes its idea of the running fiber.
__attribute__((noinline, no_sanitize("thread"))) void Context::switch_to(Context& from, Context& to,
                                                                         bool ending) noexcept {
    ExceptionState& exceptions = *exceptions_in_flight;
    from.exceptions_ = exceptions;
    exceptions = to.exceptions_;
    // To store them is cheap, to load them is not, and they are hardly ever different.
    from.floats_ = float_state();
    if (from.floats_ != to.floats_) set_float_state(to.floats_);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(ending ? nullptr : &from.fake_stack_, to.bottom_, to.size_);
#else
    static_cast<void>(ending);
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(to.tsan_fiber_, 0);
#endif
    switch_stack(from.stack_pointer_, to.stack_pointer_, &to);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(from.fake_stack_, nullptr, nullptr);
#endif
}

}  // namespace thrum::internal
