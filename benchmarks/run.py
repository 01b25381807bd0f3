#!/usr/bin/env python3
"""Runs every benchmark beside its peers, interleaved, and writes
benchmarks/RESULTS.md. The peers named are for threads/run.py. What was not built keeps its old figures.

Medians of ROUNDS (5). Servers are pinned to one processor and the load to another; a server's cost is its own CPU
time, from the kernel's accounting of its threads, divided by the requests it answered."""
import argparse
import datetime
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build", type=pathlib.Path, nargs="?", default="build-release")
parser.add_argument("rounds", type=int, nargs="?", default=5)
parser.add_argument("peers", metavar="SET:NAME=PROGRAM", nargs="*", default=[])
arguments = parser.parse_args()
TREE, ROUNDS, PEERS = arguments.build.resolve(), arguments.rounds, arguments.peers
BUILD, THRUM = TREE / "benchmarks", TREE / "cli/thrum"
SERVER_CPU, LOAD_CPU = "0", str(min(1, os.cpu_count() - 1))
ECHO = [(1, 40_000), (100, 200_000), (1000, 200_000), (5000, 200_000)]
CONNECT_SECONDS = 60


def environment(**extra):
    return {**os.environ, "THRUM_WORKERS": "1", "GOMAXPROCS": "1", **extra}


def present(programs):
    return [p for p in programs if (BUILD / p[1]).exists()]


def pinned(cpu, *command):
    return ["taskset", "-c", cpu, *map(str, command)]


def threads():
    """The tables of threads/run.py, in Markdown."""
    return subprocess.run([sys.executable, HERE / "threads/run.py", TREE, str(ROUNDS), *PEERS], text=True,
                          stdout=subprocess.PIPE, check=True).stdout.strip()


def cpu_nanoseconds(pid):
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


def echo_once(program, extra, connections, requests):
    server = subprocess.Popen(pinned(SERVER_CPU, BUILD / program), env=environment(**extra), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        port = server.stdout.readline().strip()
        load = pinned(LOAD_CPU, BUILD / "echo/load", port, connections)
        # A first run of the same connections makes stacks, buffers and registrations.
        subprocess.run([*load, str(2 * connections)], check=True, stdout=subprocess.DEVNULL, timeout=CONNECT_SECONDS)
        before = cpu_nanoseconds(server.pid)
        output = subprocess.run([*load, str(requests)], check=True, stdout=subprocess.PIPE, text=True, timeout=120).stdout
        cpu = (cpu_nanoseconds(server.pid) - before) / 1000 / requests
        rate, median, p99 = map(float, output.split())
        return cpu, rate, median, p99
    finally:
        server.kill()
        server.wait()


def echo():
    """{connections: {server: (CPU µs per request, requests/s, median µs, p99 µs)}}, medians."""
    servers = present([("raw epoll", "echo/raw_epoll", {}), ("thrum, io_uring", "echo/thrum_echo", {"THRUM_REACTOR": "io_uring"}),
                       ("thrum, epoll", "echo/thrum_echo", {"THRUM_REACTOR": "epoll"}), ("Go", "echo/go_echo", {})])
    table = {}
    for connections, requests in ECHO:
        rows = {name: [] for name, _, _ in servers}
        for _ in range(ROUNDS):
            for name, program, extra in servers:
                rows[name].append(echo_once(program, extra, connections, requests))
        table[connections] = {name: [statistics.median(c) for c in zip(*runs)] for name, runs in rows.items()}
    return table


def downloads():
    """The table of downloads/run.py, in Markdown; a sentence where there is no nginx to download from."""
    if shutil.which("nginx") is None:
        return "Left out: nginx is not installed."
    return subprocess.run([sys.executable, HERE / "downloads/run.py", THRUM, str(ROUNDS)], text=True,
                          stdout=subprocess.PIPE, check=True).stdout.strip()


def first_line(*command):
    if shutil.which(command[0]) is None:
        return f"{command[0]}: not installed"
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout.splitlines()[0]


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def echo_table(echoes):
    rows = ["| connections | system | CPU µs per request | p99 µs |", "|---|---|---|---|"]
    for connections, servers in echoes.items():
        floor = servers["raw epoll"][0]
        for name, (cpu, _, _, p99) in servers.items():
            rows.append(f"| {connections:,} | {name} | {cpu:.2f} ({cpu / floor:.2f}×) | {p99:.0f} |")
    return rows


def old_section(title):
    """The section of RESULTS.md as it is, without its heading; nothing where there is none."""
    sections = (HERE / "RESULTS.md").read_text().split("\n## ")[1:]
    return next((s.partition("\n")[2].strip().splitlines() for s in sections if s.startswith(title)), None)


def measured(title, program, text, figures):
    """A section: measured now, or as it was where its program was not built."""
    if not program.exists():
        old = old_section(title)
        return [] if old is None else ["", f"## {title}", "", *old]
    load = f"{os.getloadavg()[0]:.1f}"
    rows = figures()
    when = f"Measured on {datetime.date.today().isoformat()}; load average {load} when it began."
    return ["", f"## {title}", "", *text, when, "", *rows]


def checkouts():
    """What is measured beside but is no Debian package: the CMake variable that leads to a checkout of it, its version."""
    cache = (TREE / "CMakeCache.txt").read_text()
    for name, variable in (("Photon", "THRUM_PHOTON"), ("BS::thread_pool", "THRUM_BS_THREAD_POOL")):
        folder = re.search(rf"^{variable}:PATH=(.+)$", cache, re.MULTILINE)
        if folder:
            yield variable, f"{name} {first_line('git', '-C', folder[1], 'describe', '--tags', '--always')}"


def write():
    load = f"{os.getloadavg()[0]:.1f}"
    threaded = threads()
    with_peers = f", with {len(PEERS)} peers that are no Debian packages, built elsewhere" if PEERS else ""
    lines = [
        "# Results",
        "",
        f"Written by `make bench` on {datetime.date.today().isoformat()}. Medians of {ROUNDS} rounds, all systems in turn in "
        "each round, on one machine that others may share: read the ratios, not the times.",
        "",
        f"- {processor()}, {os.cpu_count()} processors, Linux {platform.release()}",
        f"- load average {load} when floor 1 was begun with; on a quiet machine it is 0 to 1",
        f"- {first_line('g++', '--version')}; {first_line('go', 'version')}",
        f"- {first_line('nginx', '-v')}; {first_line('curl', '--version').partition(' (')[0]}; {first_line('wget2', '--version')}; "
        f"{first_line('aria2c', '--version')}",
        *(f"- {peer}, configured with {variable}" for variable, peer in checkouts()),
        f"- command: `make bench`, that is `python3 benchmarks/run.py build-release`{with_peers}",
        "",
        threaded,
    ]
    lines += measured("Echo: 512 bytes there and back over TCP on loopback", BUILD / "echo/thrum_echo", [
        "The server's CPU time per request in microseconds, and in parentheses how many times that of the hand-written",
        "epoll loop (`benchmarks/echo/raw_epoll.c`). thrum and Go: one thread per client, straight-line code. p99 is the",
        "latency the load saw, in microseconds. Every server has one worker (`THRUM_WORKERS=1`, `GOMAXPROCS=1`) and is",
        f"pinned to processor {SERVER_CPU}; the load runs on processor {LOAD_CPU}.",
    ], lambda: echo_table(echo()))
    lines += measured("Downloads: many small files at once", THRUM, [
        "From nginx on loopback into memory, nothing pinned (`benchmarks/downloads/run.py`, which runs alone too). CPU time",
        "per file is the program's own, the kernel's on its behalf included.",
    ], lambda: [downloads()])
    text = "\n".join(lines) + "\n"
    (HERE / "RESULTS.md").write_text(text)
    print(text)


if __name__ == "__main__":
    write()
