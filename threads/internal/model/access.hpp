// thrum/threads/internal/model/access.hpp: floor 1, threads
// What the model must see of the workers' insides.
#pragma once

#include <thrum/threads/internal/runtime.hpp>
#include <thrum/threads/internal/worker.hpp>

#include <memory>
#include <vector>

namespace thrum::internal {

struct ModelAccess {
    static Worker*& current() noexcept { return Worker::current_; }
    static Context*& here(Worker& worker) noexcept { return worker.here_; }
    static bool inbox_empty(const Worker& worker) noexcept { return worker.inbox_.peek() == nullptr; }
    static bool ready_empty(const Worker& worker) noexcept {
        return worker.ready_.empty() && worker.expired_.empty();
    }
    static std::vector<std::unique_ptr<Worker>>& workers(Runtime& runtime) noexcept {
        return runtime.workers_;
    }
    static std::unique_ptr<Runtime> make_runtime(int workers);
};

}  // namespace thrum::internal
