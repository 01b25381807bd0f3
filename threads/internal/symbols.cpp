// thrum/threads/internal/symbols.cpp: floor 1, threads
#include <thrum/threads/internal/symbols.hpp>

#include <cxxabi.h>
#include <dlfcn.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

#if defined(THRUM_LIBBACKTRACE)
// clang does not look where GCC keeps <backtrace.h>; these are its declarations that are used here.
extern "C" {
struct backtrace_state;
using backtrace_error_callback = void (*)(void* data, const char* message, int error);
using backtrace_full_callback = int (*)(void* data, std::uintptr_t pc, const char* file, int line,
                                        const char* function);
using backtrace_syminfo_callback = void (*)(void* data, std::uintptr_t pc, const char* name,
                                            std::uintptr_t value, std::uintptr_t size);
backtrace_state* backtrace_create_state(const char* file, int threaded, backtrace_error_callback error,
                                        void* data);
int backtrace_pcinfo(backtrace_state* state, std::uintptr_t pc, backtrace_full_callback callback,
                     backtrace_error_callback error, void* data);
int backtrace_syminfo(backtrace_state* state, std::uintptr_t address, backtrace_syminfo_callback callback,
                      backtrace_error_callback error, void* data);
}
#endif

namespace thrum::internal {

namespace {

std::string demangle(const char* name) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> text(
        abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
    std::string result = status == 0 && text != nullptr ? text.get() : name;
    // As it is written, which is shorter.
    static constexpr std::string_view deadline =
        "std::chrono::time_point<std::chrono::_V2::steady_clock, std::chrono::duration<long, std::ratio<1l, "
        "1000000000l> > >";
    for (std::size_t at; (at = result.find(deadline)) != std::string::npos;) {
        result.replace(at, deadline.size(), "thrum::Deadline");
    }
    return result;
}

#if defined(THRUM_LIBBACKTRACE)
void ignore_error(void*, const char*, int) {}

void from_debugging_information(std::uintptr_t address, std::vector<Symbol>& found) {
    static backtrace_state* const state = backtrace_create_state(nullptr, 1, &ignore_error, nullptr);
    if (state == nullptr) return;
    backtrace_pcinfo(
        state, address,
        [](void* data, std::uintptr_t, const char* file, int line, const char* function) {
            if (function != nullptr) {
                static_cast<std::vector<Symbol>*>(data)->push_back(
                    {demangle(function), file == nullptr ? "" : file, line});
            }
            return 0;
        },
        &ignore_error, &found);
    if (!found.empty()) return;
    backtrace_syminfo(
        state, address,
        [](void* data, std::uintptr_t, const char* name, std::uintptr_t, std::uintptr_t) {
            if (name != nullptr) static_cast<std::vector<Symbol>*>(data)->push_back({demangle(name)});
        },
        &ignore_error, &found);
}
#else
void from_debugging_information(std::uintptr_t, std::vector<Symbol>&) {}
#endif

std::vector<Symbol> look_up(std::uintptr_t address) {
    std::vector<Symbol> found;
    from_debugging_information(address, found);
    Dl_info info{};
    if (found.empty() && ::dladdr(reinterpret_cast<void*>(address), &info) != 0) {
        Symbol symbol;
        if (info.dli_sname != nullptr) symbol.function = demangle(info.dli_sname);
        if (info.dli_fname != nullptr) symbol.file = info.dli_fname;
        found.push_back(symbol);
    }
    if (found.empty()) found.emplace_back();
    return found;
}

}  // namespace

const std::vector<Symbol>& symbols_at(std::uintptr_t address) {
    // Never destroyed: a last dump may come late.
    static auto& mutex = *new std::mutex;
    static auto& known = *new std::unordered_map<std::uintptr_t, std::vector<Symbol>>;
    const std::scoped_lock guard(mutex);
    const auto [place, fresh] = known.try_emplace(address);
    if (fresh) place->second = look_up(address);
    return place->second;
}

}  // namespace thrum::internal
