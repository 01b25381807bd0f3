"""faults.py SOURCE TARGET: copies the floor to TARGET with faults built in, each of which the model must find.

A fault is one slip of a careful programmer. It is in force while model::fault has its number, so that one program
serves for all. Where the text that it changes is there no longer, the test says so: adapt the fault to the new text.
"""

import pathlib
import sys

WAIT_LIST, TASK, LOCK, WORKER = "internal/wait_list.hpp", "internal/task.hpp", "lock.cpp", "internal/worker.cpp"
SHARED_LOCK, BARRIER, FUTURE, SELECT = "shared_lock.cpp", "barrier.cpp", "internal/future_state.cpp", "internal/select.cpp"
POOL, TIMER = "internal/executor_core.cpp", "timer.cpp"
FAULT = "::thrum::internal::model::fault"


def anchored(old):
    """(what stands before, the text, what stands behind): only the text changes, the rest makes it unique."""
    return old if isinstance(old, tuple) else ("", old, "")


def statement(file, old, new):
    """`new` instead of the statements `old`."""
    left, old, right = anchored(old)
    return file, left + old + right, lambda number: f"{left}if ({FAULT} == {number}) {{ {new} }} else {{ {old} }}{right}"


def value(file, old, new):
    """The expression `new` instead of `old`."""
    left, old, right = anchored(old)
    return file, left + old + right, lambda number: (
        f"{left}({FAULT} == {number} ? static_cast<decltype({old})>({new}) : ({old})){right}")


def before(file, old, new):
    """The statements `new` before `old`."""
    return file, old, lambda number: f"if ({FAULT} == {number}) {{ {new} }}\n{old}"


FAULTS = {
    "a wait is armed after it was published": [
        statement(WAIT_LIST,
                  "task.arm(shielded, {list.kind(), &spin});\n    list.push_back(waiter);\n    guard.unlock();",
                  "list.push_back(waiter); guard.unlock(); task.arm(shielded);")],
    "a waiter's word is claimed without an exchange": [
        before(TASK,
               "Wake expected = Wake::armed;\n        if (word_.compare_exchange_strong(expected, reason, "
               "std::memory_order_acq_rel,",
               "if (word_.load() != Wake::armed && word_.load() != Wake::shielded) return false; "
               "word_.store(reason); return true;")],
    "a cancelled waiter swallows the wake-up meant for it": [
        statement(WAIT_LIST, "if (task->claim(reason)) return task;",
                  "return task->claim(reason) ? task : nullptr;")],
    "a wait ends without passing the primitive's Spin": [
        statement(WAIT_LIST, "SpinGuard again(spin);\n    if (waiter.linked) list.remove(waiter);",
                  "if (waiter.linked) { SpinGuard again(spin); list.remove(waiter); }")],
    "unlock() looks at the lock after its release": [
        statement(LOCK, "if (woken != nullptr) woken->wake();",
                  "if (woken != nullptr) woken->wake(); word_.load();")],
    "a lock is let go although it was handed over": [
        value(LOCK, ("| (", "keep ? held : 0", ")"), "0")],
    "a hand-over is promised to a waiter who was cancelled": [
        statement(LOCK, "if (task->claim(Wake::notified)) woken = task;",
                  "woken = task; task->claim(Wake::notified);")],
    "a withdrawing waiter brings back an old holder": [
        value(LOCK, ("| (", "now & held", "),"), "word & held")],
    "a waiter queues at a lock that has become free": [
        value(LOCK, ("if (", "(word & held) == 0", ") {\n            if (word_.compare_exchange_weak(word, word | held"),
              "word == 0")],
    "the condition's lock is let go before the wait is published": [
        before("condition.cpp", "{\n        SpinGuard guard(spin_);\n        task.arm(",
               "depth = release(*lock.mutex());"),
        statement("condition.cpp", ("", "depth = release(*lock.mutex());", "\n    const Wake how"), "")],
    "a cancel that came before the wait is not looked for": [
        before("internal/task.cpp", "if (cancels_.load() == 0 || !take_cancel()) return false;", "return false;")],
    "one cancel is taken by two": [
        before("internal/task.cpp", "std::uint32_t count = cancels_.load();",
               "const std::uint32_t seen = cancels_.load(); if (seen > 0) cancels_.store(seen - 1); return seen > 0;")],
    "a Spin is taken in two steps": [
        before("internal/spin.hpp", "if (!held_.exchange(true, std::memory_order_acquire)) return;",
               "if (!held_.load()) { held_.store(true); return; }")],
    "the inbox is not looked at once more before sleeping": [
        value(WORKER, ("if (", "inbox_.load() == nullptr", " && !runtime_.has_new_fibers())"), "true")],
    "a worker says that it sleeps after it has looked": [
        statement(WORKER, "asleep_.store(true);", ""),
        before(WORKER, "Deadline until = timers_.next();", "asleep_.store(true);")],
    "a sleeper is woken before there is anything to find": [
        value(WORKER, ("void Worker::post(Fiber& fiber) noexcept {\n    Fiber* head = ",
                       "inbox_.load(std::memory_order_relaxed)", ";"),
              "(nudge(), inbox_.load(std::memory_order_relaxed))"),
        statement(WORKER, ("", "nudge();", "\n}\n\nvoid Worker::pin_and_post"), "")],
    "a nursery tells of a fiber before it is there": [
        before("internal/nursery.hpp", "ring_[tail % capacity].store(&fiber, std::memory_order_relaxed);",
               "tail_.store(tail + 1);")],
    "a nursery's fiber is taken without an exchange": [
        before("internal/nursery.hpp", "if (head_.compare_exchange_weak(", "head_.store(head + 1); return fiber;")],
    "readers that stood behind a writer who gave up are left there": [
        statement(SHARED_LOCK, "if ((word & written) == 0 && writers_.empty()) word += admit_readers();", "")],
    "a writer that leaves lets in one reader of all that wait": [
        statement(SHARED_LOCK, "admitted += one_reader;\n        task->wake();",
                  "admitted += one_reader; task->wake(); break;")],
    "a writer is told that it is in, but the word is not": [
        statement(SHARED_LOCK, "if (writer != nullptr) word = written;", "")],
    "a reader goes in before a writer that waits": [
        value("shared_lock.hpp", ("while ((", "word & not_for_readers", ") == 0) {\n            if (word_.compare_exchange"
                                  "_weak(word, word + one_reader"), "word & (written | busy)")],
    "a reader's unlock looks at the lock after its release": [
        statement(SHARED_LOCK, ("", "if (writer != nullptr) writer->wake();", "\n}\n\n}  // namespace thrum"),
                  "if (writer != nullptr) writer->wake(); word_.load();")],
    "who gives up on a SharedLock stays in its list": [
        statement(SHARED_LOCK, "if (waiter.linked) list.remove(waiter);", "")],
    "an RLock still names its last owner": [
        statement("rlock.cpp", ("if (--depth_ > 0) return;\n    ", "owner_.store(0, std::memory_order_relaxed);", ""), "")],
    "a cancelled thread does not come through a barrier with the others": [
        value(BARRIER, ("if (", "how == Wake::cancelled && arrival.outcome == Outcome::passed && &list == &waiters_", ")"),
              "false")],
    "a thread that is late breaks a barrier to which all have come": [
        value(BARRIER, ("if (", "arrival.outcome == Outcome::open", ")"), "how != Wake::notified")],
    "a barrier that was reset in its action ends the wrong round": [
        statement(BARRIER, "if (round != round_) throw_broken(guard);", "")],
    "those who come while a barrier's action runs are counted to its round": [
        value(BARRIER, ("while (", "acting_", ")"), "false")],
    "a barrier whose action threw acts for ever": [statement(BARRIER, "acting_ = false;", "")],
    "nobody makes a second attempt at a Once": [statement("once.cpp", "next->wake();", "")],
    "a future is kept without its Spin, while it is cancelled": [
        before(FUTURE, "SpinGuard guard(spin_);\n    if (status() != Status::pending && status() != Status::running) return false;",
               "if (status() != Status::pending && status() != Status::running) return false;\n"
               "    status_.store(Status::completing); return true;")],
    "a future is not looked at again before the wait": [
        statement(FUTURE, ("SpinGuard guard(spin_);\n    ", "if (done()) return true;", ""), "")],
    "a future is not looked at again before a callback is left with it": [
        before(FUTURE, "Continuations at_once;",
               "if (!done()) { SpinGuard guard(spin_); continuations_.push(std::move(continuation)); return; }")],
    "a cancel that came too late for a call is left to its thread": [
        statement(FUTURE, "for (; cancels_sent_ > 0 && task.take_cancel(); --cancels_sent_) came_late = true;", "")],
    "a thread's own cancel ends with the call it makes": [
        statement(FUTURE, "task.cancel();\n        return false;", "return false;")],
    "a cancel is lost between a call and the future that it gave": [
        statement(FUTURE, "if (cancel_came_late) cancel();", "")],
    "a fiber that was taken back out of an inbox is left out": [
        statement(WORKER, ("if (is_new(taken)) {\n            runtime_.inject(taken);\n        } else {\n            ",
                           "post(taken);", ""), "")],
    "who has seen enough of several futures leaves without passing their Spins": [
        before(FUTURE, "SpinGuard guard(spin_);\n    if (!watch.linked) return;", "if (!watch.linked) return;")],
    "several futures are not looked at before the wait": [
        statement("internal/wait_set.cpp", "if (satisfied()) return true;", "")],
    "a future's last two owners both free it": [
        before("internal/future_state.hpp", "if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;",
               "references_.fetch_sub(1); if (references_.load() == 0) delete this; return;")],
    "a cancelled call keeps what its function holds": [
        statement(FUTURE, "if (status == Status::cancelled) drop_call();", "")],
    "a select keeps to itself an item that it was told of and did not take": [
        statement(SELECT, ("if (!done) continue;\n            ", "pass_on_but(&tried);", ""), "")],
    "a select keeps to itself room that it was told of and did not take": [
        statement(SELECT, "if (queue.has_room()) queue.pass_on_room(guard);", "")],
    "a select that finds a case ready does not take back its word": [
        value(SELECT, ("if (", "!ready || !task.interrupt(Wake::idle)", ")"), "!ready")],
    "a select waits for a queue that it has not looked at again": [
        statement(SELECT, "if (queue.count_ > 0 || queue.shut_) return false;", "")],
    "a select leaves its waiter with a future": [
        statement("internal/select_case.hpp", "core_.withdraw(waiter);", "")],
    "a pool's thread lets go of the pool between its look and its sleep": [
        before(POOL, "wait_on(idle_, spin_, guard, current_task(), never, true);", "guard.unlock(); guard.lock(spin_);")],
    "a pool that shuts down wakes one of its threads": [
        statement(POOL, ("if (cancel_pending) pending = take_all();\n        ", "idle_.wake_all();", ""),
                  "if (Task* const idle = idle_.claim_one()) idle->wake();")],
    "a pool's thread that ends leaves its batch behind": [
        statement(POOL, ("if (!stays() || closed_ || broken_) {\n            ", "leave_runners(own);", ""), "")],
    "a batch does not say that there are calls in it": [
        statement("internal/call_queue.hpp", "left_.store(end_, std::memory_order_relaxed);", "")],
    "a call that a pool gave up is not let go": [
        statement(POOL, ("end(*call);\n        ", "call->release();", ""), "")],
    "a pool breaks after its calls have ended": [
        statement(POOL, "if (!broken_) broken_ = error;", ""),
        before(POOL, "end_all(lost, [&](FutureCore& call) { call.fail(error); });\n    SpinGuard guard(spin_);\n",
               "{ SpinGuard late(spin_); if (!broken_) broken_ = error; }")],
    "a timer that is due is cancelled": [
        value(TIMER, ("if (", "state.phase != TimerState::Phase::waiting", ")"), "state.phase == TimerState::Phase::decided")],
    "an earlier timer does not wake the keeper of all": [
        statement(TIMER, "if (wheel_.next() >= planned_) return;", "return;")],
    "the keeper of all timers ends a moment after its last look": [
        statement(TIMER, "life_ = Life::none;\n            return;",
                  "guard.unlock(); guard.lock(spin_); life_ = Life::none; return;")],
    "a timer that goes out of scope does not wait for its thread": [
        statement(TIMER, ("", "internal::wait_shielded(state_->decided);", "\n        state_->thread = Thread();"), "")],
}

# In the order of memory alone: the model sees them where stores are late, and nowhere else.
ORDER_FAULTS = {
    "a wait is armed by a store that its look for cancels may overtake": [
        statement(TASK, "word_.store(shielded ? Wake::shielded : Wake::armed);",
                  "word_.store(shielded ? Wake::shielded : Wake::armed, std::memory_order_release);")],
    "a new fiber is told of by a store that the look for sleepers may overtake": [
        statement("internal/balance.cpp", ("injected_.push_back(fiber);\n        ",
                                           "injected_count_.store(injected_.size());", "\n    }\n    if (sleepers_"),
                  "injected_count_.store(injected_.size(), std::memory_order_release);")],
    "a nursery's fiber may be stored after it was told of": [
        statement("internal/nursery.hpp", "tail_.store(tail + 1, std::memory_order_release);",
                  "tail_.store(tail + 1, std::memory_order_relaxed);")],
}


def main(source, target):
    texts = {}
    for path in sorted(source.rglob("*")):
        if path.suffix in (".hpp", ".cpp"):
            texts[path.relative_to(source).as_posix()] = path.read_text(encoding="utf-8")
    lines = []
    for number, (name, edits) in enumerate((FAULTS | ORDER_FAULTS).items(), 1):
        missing = ""
        for file, old, new in edits:
            if texts.get(file, "").count(old) != 1:
                missing = f"{file} does not have just once: {old}"
        if not missing:
            for file, old, new in edits:
                texts[file] = texts[file].replace(old, new(number))
        order = "true" if name in ORDER_FAULTS else "false"
        lines.append(f"    {{R\"({name})\", R\"({missing})\", {order}}},\n")
    texts["internal/model/faults.inc"] = "".join(lines)
    for name, text in texts.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Left alone where nothing has changed, so that nothing is compiled again.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
