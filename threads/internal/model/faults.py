"""faults.py SOURCE TARGET: copies the floor to TARGET with faults built in, each of which the model must find.

A fault is one slip of a careful programmer. It is in force while model::fault has its number, so that one program
serves for all. Where the text that it changes is there no longer, the test says so: adapt the fault to the new text.
"""

import pathlib
import sys

WAIT_LIST, TASK, LOCK, WORKER = "internal/wait_list.hpp", "internal/task.hpp", "lock.cpp", "internal/worker.cpp"
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
        before(WORKER, "Fiber* head = inbox_.load(std::memory_order_relaxed);\n    do {", "nudge();"),
        statement(WORKER, ("", "nudge();", "\n}\n\nbool Worker::nudge()"), "")],
    "a nursery tells of a fiber before it is there": [
        before("internal/nursery.hpp", "ring_[tail % capacity].store(&fiber, std::memory_order_relaxed);",
               "tail_.store(tail + 1);")],
    "a nursery's fiber is taken without an exchange": [
        before("internal/nursery.hpp", "if (head_.compare_exchange_weak(", "head_.store(head + 1); return fiber;")],
}


def main(source, target):
    texts = {}
    for path in sorted(source.rglob("*")):
        if path.suffix in (".hpp", ".cpp"):
            texts[path.relative_to(source).as_posix()] = path.read_text(encoding="utf-8")
    lines = []
    for number, (name, edits) in enumerate(FAULTS.items(), 1):
        missing = ""
        for file, old, new in edits:
            if texts.get(file, "").count(old) != 1:
                missing = f"{file} does not have just once: {old}"
        if not missing:
            for file, old, new in edits:
                texts[file] = texts[file].replace(old, new(number))
        lines.append(f"    {{R\"({name})\", R\"({missing})\"}},\n")
    texts["internal/model/faults.inc"] = "".join(lines)
    for name, text in texts.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Left alone where nothing has changed, so that nothing is compiled again.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
