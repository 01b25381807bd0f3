#!/usr/bin/env python3
"""Floor 1 beside its peers, interleaved; prints tables in Markdown.

Medians of ROUNDS (5). A peer that is no Debian package joins in as SET:NAME=PROGRAM, where SET is switch, parallel
or parked and the program prints what its likes in this folder print, lines of "OPERATION NUMBER". Where others use the
machine, BENCH_PREFIX="chrt -r 1" gives each program what it needs of it for its seconds; the text says so then."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import beside  # noqa: E402
from beside import PREFIX, SERVER_CPU  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build", type=pathlib.Path, nargs="?", default="build-release")
parser.add_argument("rounds", type=int, nargs="?", default=5)
parser.add_argument("peers", metavar="SET:NAME=PROGRAM", nargs="*", default=[])
arguments = parser.parse_args()
TREE, ROUNDS = arguments.build.resolve() / "benchmarks", arguments.rounds
ALSO = [peer.partition("=") for peer in arguments.peers]
PEERS = {"thrum": "thrum", "Boost.Fiber 1.81": "boost", "Go": "go", "oneTBB": "tbb", "std::thread": "std",
         "Photon": "photon", "BS::thread_pool": "bs"}
PARKED, MANY = 100_000, 1_000_000
ONE, ALL = beside.ONE_WORKER, {}
TIMEOUT_SECONDS = 300
targets = []


def programs(kind):
    found = {name: TREE / f"threads/{prefix}_{kind}" for name, prefix in PEERS.items()}
    found |= {who.partition(":")[2]: pathlib.Path(path) for who, _, path in ALSO if who.partition(":")[0] == kind}
    return {name: path for name, path in found.items() if path.exists()}


def once(program, environment, *arguments):
    """{operation: number}, as the program prints them. With one worker it stays on one processor."""
    pin = ["taskset", "-c", SERVER_CPU] if environment is ONE else []
    output = subprocess.run([*PREFIX, *pin, program, *map(str, arguments)], env={**os.environ, **environment}, text=True,
                            stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_SECONDS).stdout
    return {operation: float(number) for operation, number in map(str.split, output.splitlines())}


def measure(kind, environment, *arguments, rounds=ROUNDS, only=None):
    """{system: {operation: median}}, all systems in turn in each round."""
    found = {name: path for name, path in programs(kind).items() if only is None or name in only}
    seen = {name: {} for name in found}
    for _ in range(rounds):
        for name, path in found.items():
            for operation, number in once(path, environment, *arguments).items():
                seen[name].setdefault(operation, []).append(number)
    return {name: {op: statistics.median(v) for op, v in ops.items()} for name, ops in seen.items()}


def cell(results, system, operation, digits=1):
    number = results[system].get(operation)
    if number is None:
        return "–"
    own = results["thrum"].get(operation)
    ratio = "" if system == "thrum" or not own else f" ({number / own:.2f}×)"
    return f"{number:,.{digits}f}{ratio}"


def table(results, columns, digits=1):
    rows = [[name, *(cell(results, name, operation, digits) for operation in columns)] for name in results]
    return beside.table(("system", *columns.values()), rows)


def ahead(results, peer, operation):
    """How many times thrum's figure the peer's is; None where it was not measured."""
    number = results.get(peer, {}).get(operation)
    return number and number / results["thrum"][operation]


def target(what, asked, value, holds, unit="×"):
    if value is None:
        return
    targets.append((what, asked, f"{value:,.2f}{unit}", holds(value)))


def switching():
    results = measure("switch", ONE)
    target("yield", "≤ 19 ns", results["thrum"]["yield"], lambda v: v <= 19, " ns")
    for peer in results:
        if peer.startswith("Photon"):
            target(f"yield, beside {peer}", "≥ 1×", ahead(results, peer, "yield"), lambda v: v >= 1)
        elif peer in ("Go", "Boost.Fiber 1.81"):
            target(f"yield, beside {peer}", "≥ 2.5×", ahead(results, peer, "yield"), lambda v: v >= 2.5)
    target("spawn and join", "≤ 170 ns", results["thrum"]["spawn_join"], lambda v: v <= 170, " ns")
    target("spawn and join, beside Go", "≥ 1.5×", ahead(results, "Go", "spawn_join"), lambda v: v >= 1.5)
    target("round trip, beside Go's channels", "≥ 2×", ahead(results, "Go", "round_trip"), lambda v: v >= 2)
    mutex = ahead(results, "std::thread", "lock")
    target("free Lock, beside std::mutex", "≤ 1.2× its time", mutex and 1 / mutex, lambda v: v <= 1.2)
    return ["## Switching: CPU nanoseconds per operation, on one processor", "",
            "`yield`: two threads give way to each other. `spawn_join`: start an empty thread and join it. `round_trip`: an",
            "item through a queue (a channel; in Photon two semaphores) of one place and another back. `lock`: take and release",
            "a free lock. Boost.Fiber and Photon run on pooled 64 KB stacks. One worker (`THRUM_WORKERS=1`, `GOMAXPROCS=1`),",
            f"pinned. In parentheses: how many times thrum's time.{beside.PREFIXED}", "",
            *table(results, {op: op for op in ("yield", "spawn_join", "round_trip", "lock")})]


def parallel():
    results = measure("parallel", ALL)
    target("executor, beside oneTBB's task_group", "> 1×", ahead(results, "oneTBB", "task_wall"), lambda v: v > 1)
    for peer in results:
        if peer.startswith("BS::"):
            target(f"executor, beside {peer}", "≥ 3×", ahead(results, peer, "task_wall"), lambda v: v >= 3)
    target("contended Lock, beside std::mutex", "> 1×", ahead(results, "std::thread", "contended_lock_wall"), lambda v: v > 1)
    return ["## Several processors: nanoseconds per operation", "",
            "`task`: one of a million empty calls given by one thread to an executor of two workers (oneTBB: `task_group`; Go: a",
            "goroutine each). `contended_lock`: eight threads take one lock, count, and let it go, all the time (oneTBB:",
            "`tbb::mutex`). CPU time of all processors, and the time that passed, which on a machine that others use is longer.",
            "In parentheses: how many times thrum's.", "",
            *table(results, {"task": "task, CPU", "task_wall": "task, passed", "contended_lock": "contended lock, CPU",
                             "contended_lock_wall": "contended lock, passed"})]


def parked():
    results = measure("parked", ALL, PARKED)
    target("parked thread", "≤ 4,608 bytes", results["thrum"]["bytes"], lambda v: v <= 4.5 * 1024, " bytes")
    many = measure("parked", ALL, MANY, rounds=1, only=("thrum", "Go"))
    gigabytes = many["thrum"]["bytes"] * MANY / 2**30
    target("1,000,000 threads alive at once", "≤ 24 GiB", gigabytes, lambda v: v <= 24, " GiB")
    columns = {"bytes": "resident bytes each", "life": "CPU ns for a life", "seconds": "seconds for all"}
    return ["## Threads that wait", "",
            f"{PARKED:,} threads that wait for one event, then end: what the process grew by in RAM (`VmRSS`) for each, the CPU",
            "time of its whole life, the kernel's included, and the time all of them took.", "",
            *table(results, columns, 0), "", f"And {MANY:,} at once, in one run each:", "", *table(many, columns, 0)]


def timers():
    results = measure("timers", ONE)
    target("a timer among 1,000,000, beside one among 1,000", "O(1): caches alone, < 10×",
           results["thrum"][f"timer_{MANY}"] / results["thrum"]["timer_1000"], lambda v: v < 10)
    wheel = {1_000: [], MANY: []}
    for _ in range(ROUNDS):
        output = subprocess.run([*PREFIX, TREE / "threads_bench", "--benchmark_filter=timer_arm_and_cancel",
                                 "--benchmark_format=json"],
                                check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS)
        for run in json.loads(output.stdout)["benchmarks"]:
            count = int(run["name"].split("/")[1])
            wheel[count].append(run["cpu_time"] / count)
    few, many = (statistics.median(wheel[count]) for count in (1_000, MANY))
    return ["## Timers: CPU nanoseconds to arm and cancel one", "",
            "`Timer` and Go's `time.AfterFunc`, deadlines within an hour, all armed, then all cancelled. The steps are the same with",
            "a thousand as with a million; a million do not fit the caches. The deadline of a sleep or of a wait is a timer of the",
            f"worker's own wheel (`threads/internal/timer_wheel_bench.cpp`): {few:.1f} and {many:.1f} ns.", "",
            *table(results, {"timer_1000": "with 1,000 armed", f"timer_{MANY}": "with 1,000,000 armed"})]


def latency():
    results = measure("latency", ALL)
    return ["## How late sleepers wake, in microseconds", "",
            "100 threads that sleep for 1 to 10 ms, beside 16 that compute and give way every 20 µs, on all processors.", "",
            *table(results, {"late_p50": "median", "late_p99": "p99"})]


if __name__ == "__main__":
    sections = [switching(), parallel(), parked(), timers(), latency()]
    sections.append(["## What floor 1 set out to reach", "", *beside.aims(*targets)])
    print("\n\n".join("\n".join(section) for section in sections))
