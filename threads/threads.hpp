// thrum/threads/threads.hpp: floor 1, threads
// Everything on the threads floor.
#pragma once

#include <thrum/threads/as_completed.hpp>
#include <thrum/threads/barrier.hpp>
#include <thrum/threads/condition.hpp>
#include <thrum/threads/deadline.hpp>
#include <thrum/threads/descriptor.hpp>
#include <thrum/threads/event.hpp>
#include <thrum/threads/excepthook.hpp>
#include <thrum/threads/exception_group.hpp>
#include <thrum/threads/executor.hpp>
#include <thrum/threads/future.hpp>
#include <thrum/threads/inspect.hpp>
#include <thrum/threads/local.hpp>
#include <thrum/threads/lock.hpp>
#include <thrum/threads/map_result.hpp>
#include <thrum/threads/once.hpp>
#include <thrum/threads/promise.hpp>
#include <thrum/threads/queue.hpp>
#include <thrum/threads/rlock.hpp>
#include <thrum/threads/runtime.hpp>
#include <thrum/threads/select.hpp>
#include <thrum/threads/semaphore.hpp>
#include <thrum/threads/shared_lock.hpp>
#include <thrum/threads/simulated_clock.hpp>
#include <thrum/threads/socket_calls.hpp>
#include <thrum/threads/task_group.hpp>
#include <thrum/threads/thread.hpp>
#include <thrum/threads/thread_pool_executor.hpp>
#include <thrum/threads/timer.hpp>
#include <thrum/threads/to_thread.hpp>
