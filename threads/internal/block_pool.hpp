// thrum/threads/internal/block_pool.hpp: floor 1, threads
// Memory for small objects that one OS thread makes and another frees, as the states of futures are: blocks
// go back in batches, where malloc(3) would take a lock for each.
#pragma once

#include <cstddef>

namespace thrum::internal {

// Thread-safe. Throws std::bad_alloc.
void* take_block(std::size_t size);
// `size` as it was for take_block().
void give_block(void* block, std::size_t size) noexcept;

}  // namespace thrum::internal
