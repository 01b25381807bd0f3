// thrum/threads/internal/model/stacks.hpp: floor 1, threads
// The stacks of the model's threads and of the fibers in it: never given back, used again by the next
// schedule.
#pragma once

#include <thrum/threads/internal/stack.hpp>

namespace thrum::internal::model {

// All stacks are free: the schedule they were used in is over.
void recycle_stacks() noexcept;

}  // namespace thrum::internal::model
