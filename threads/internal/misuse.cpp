// thrum/threads/internal/misuse.cpp: floor 1, threads
#include <thrum/threads/internal/misuse.hpp>
#include <thrum/threads/internal/registry.hpp>
#include <thrum/threads/thread.hpp>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace thrum::internal {

void abort_misuse(const char* format, ...) noexcept {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    std::fprintf(stderr, "thrum: thread %s %s\n", describe_thread(current_thread_id()).c_str(), text);
    std::abort();
}

std::string describe_thread(std::uint64_t id) {
    std::string name;
    for_each_fiber([&](const FiberReference& fiber) {
        if (fiber->id == id) name = fiber->name();
    });
    for_each_os_task([&](const Task& task) {
        if (task.id == id) name = name_of_os_thread(id, task.os_id);
    });
    if (!name.empty()) name += ' ';
    return name + "(id " + std::to_string(id) + ")";
}

}  // namespace thrum::internal
