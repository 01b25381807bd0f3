// thrum/threads/internal/context.cpp: floor 1, threads
#include <thrum/threads/internal/context.hpp>

#include <cxxabi.h>

#include <boost/context/detail/fcontext.hpp>

#if defined(__SANITIZE_ADDRESS__)
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace thrum::internal {

namespace fcontext = boost::context::detail;

namespace {

ExceptionState& exception_state() noexcept {
    return *reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals());
}

}  // namespace

// What runs first on a new stack, and what every arrival on a context does.
struct Context::Trampoline {
    // Handed over at each jump; it lies on the stack that is left.
    struct Switch {
        Context* from;
        Context* to;
    };

    // The registers of the context that was left are known only after the jump.
    static void arrive(fcontext::transfer_t transfer) noexcept {
        const Switch& change = *static_cast<const Switch*>(transfer.data);
        change.from->registers_ = transfer.fctx;
#if defined(__SANITIZE_ADDRESS__)
        __sanitizer_finish_switch_fiber(change.to->fake_stack_, nullptr, nullptr);
#endif
    }

    static void enter(fcontext::transfer_t transfer) noexcept {
        Context& self = *static_cast<const Switch*>(transfer.data)->to;
        arrive(transfer);
        self.entry_(self);
        __builtin_unreachable();  // an entry ends by switching away for good
    }
};

Context::Context() noexcept {
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
    const auto size = static_cast<std::size_t>(top - bottom);
    registers_ = fcontext::make_fcontext(top, size, &Trampoline::enter);
#if defined(__SANITIZE_ADDRESS__)
    bottom_ = bottom;
    size_ = size;
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

// TSan must not instrument the function in which it changes its idea of the running fiber.
__attribute__((no_sanitize("thread"))) void Context::switch_to(Context& from, Context& to,
                                                               bool ending) noexcept {
    ExceptionState& exceptions = exception_state();
    from.exceptions_ = exceptions;
    exceptions = to.exceptions_;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(ending ? nullptr : &from.fake_stack_, to.bottom_, to.size_);
#else
    static_cast<void>(ending);
#endif
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(to.tsan_fiber_, 0);
#endif
    Trampoline::Switch change{&from, &to};
    Trampoline::arrive(fcontext::jump_fcontext(to.registers_, &change));
}

}  // namespace thrum::internal
