// thrum/threads/internal/signals.hpp: floor 1, threads
// The signals that thrum answers: one that asks for a dump, and the fault of a stack that is too small.
#pragma once

namespace thrum::internal {

// THRUM_DUMP_SIGNAL.
void dump_on_signal_of_environment() noexcept;

// Says "stack overflow in thread NAME" where a fiber runs into its guard, before the process dies of SIGSEGV
// as ever; other faults go to whoever had the signal before. Not under AddressSanitizer and ThreadSanitizer,
// which say it themselves.
void watch_for_overflow() noexcept;
// By each worker's OS thread: the stack on which the handler runs, for the fiber's own is full.
void prepare_for_overflow() noexcept;

}  // namespace thrum::internal
