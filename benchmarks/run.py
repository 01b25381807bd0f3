#!/usr/bin/env python3
"""Runs the benchmarks beside their peers, interleaved, and writes what each part measured into benchmarks/RESULTS.md.

Medians of ROUNDS (5). A part whose programs were not built, or that --only leaves out, keeps its old figures. The peers
named are for threads/run.py. --output writes elsewhere, so that a trial on a busy machine spoils no figures."""
import argparse
import datetime
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time

from beside import Bench
from clients import part as clients
from echo import part as echo
from tls import part as tls
from transfers import part as transfers
from udp import part as udp

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
MARK = "<!-- part: {} -->"  # stands before each part in RESULTS.md


def downloads(bench):
    """The table of downloads/run.py; a sentence where there is no nginx to download from."""
    if shutil.which("nginx") is None:
        return ["Left out: nginx is not installed."]
    return output(HERE / "downloads/run.py", bench.tree / "cli/thrum", bench.rounds)


DOWNLOADS_TEXT = ["From nginx on loopback into memory, nothing pinned (`benchmarks/downloads/run.py`, which runs alone too). CPU time",
                  "per file is the program's own, the kernel's on its behalf included."]
# Part: its title, what is said before its figures, what must be built, and what measures it. `threads` is written by
# threads/run.py as several sections.
PARTS = {
    "echo": (echo.ECHO_TITLE, echo.ECHO_TEXT, "benchmarks/echo/thrum_echo", echo.echo),
    "memory": (echo.MEMORY_TITLE, echo.MEMORY_TEXT, "benchmarks/echo/thrum_echo", echo.memory),
    "clients": (clients.TITLE, clients.TEXT, "benchmarks/clients/thrum_clients", clients.clients),
    "churn": (echo.CHURN_TITLE, echo.CHURN_TEXT, "benchmarks/echo/thrum_echo", echo.churn),
    "transfers": (transfers.TITLE, transfers.TEXT, "benchmarks/transfers/thrum_transfer", transfers.transfers),
    "udp": (udp.TITLE, udp.TEXT, "benchmarks/udp/thrum_mmsg", udp.udp),
    "tls": (tls.TITLE, tls.TEXT, "benchmarks/tls/thrum_tls", tls.tls),
    "downloads": ("Downloads: many small files at once", DOWNLOADS_TEXT, "cli/thrum", downloads),
}
NAMES = ["threads", *PARTS]


def chosen(text):
    names = text.split(",")
    if unknown := set(names) - set(NAMES):
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return names


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, nargs="?", default="build-release")
    parser.add_argument("rounds", type=int, nargs="?", default=5)
    parser.add_argument("peers", metavar="SET:NAME=PROGRAM", nargs="*", default=[])
    parser.add_argument("--only", metavar="PART,PART", type=chosen, default=NAMES, help=", ".join(NAMES))
    parser.add_argument("--output", type=pathlib.Path, default=RESULTS)
    return parser.parse_args()


def output(program, *words):
    return subprocess.run([sys.executable, program, *map(str, words)], text=True, stdout=subprocess.PIPE,
                          check=True).stdout.strip().splitlines()


def when(load, seconds):
    return (f"Measured on {datetime.date.today().isoformat()} in {seconds:.0f} s; load average {load:.1f} when it began, "
            "0 to 1 on a quiet machine.")


def measured(name, bench, peers):
    """The lines of a part, measured now; None where its program was not built."""
    load, start = os.getloadavg()[0], time.monotonic()
    if name == "threads":
        if not (bench.programs / "threads/thrum_switch").exists():
            return None
        figures = output(HERE / "threads/run.py", bench.tree, bench.rounds, *peers)
        return ["Floor 1. " + when(load, time.monotonic() - start), "", *figures]
    title, text, program, measure = PARTS[name]
    if not (bench.tree / program).exists():
        return None
    figures = measure(bench)
    return [f"## {title}", "", *text, when(load, time.monotonic() - start), "", *figures]


def old_parts():
    """{part: its lines in RESULTS.md as it is}."""
    text = RESULTS.read_text() if RESULTS.exists() else ""
    pieces = re.split("^" + MARK.format(r"(\w+)") + "$", text, flags=re.MULTILINE)[1:]
    return {name: body.strip().splitlines() for name, body in zip(pieces[::2], pieces[1::2])}


def first_line(*command):
    if shutil.which(command[0]) is None:
        return f"{command[0]}: not installed"
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout.splitlines()[0]


def version(package):
    found = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL) if shutil.which("dpkg-query") else None
    return f"{package} {found.stdout}" if found and found.returncode == 0 else f"{package}: not installed"


def tokio(tree):
    lock = tree / "benchmarks/crates/tokio_echo/Cargo.lock"
    found = re.search(r'name = "tokio"\nversion = "(.+)"', lock.read_text()) if lock.exists() else None
    return f"tokio {found[1]}, {first_line('rustc', '--version')}" if found else "tokio: not built"


def processor():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def checkouts(tree):
    """What is measured beside but is no Debian package: the CMake variable that leads to a checkout of it, its version."""
    cache = (tree / "CMakeCache.txt").read_text()
    for name, variable in (("Photon", "THRUM_PHOTON"), ("BS::thread_pool", "THRUM_BS_THREAD_POOL")):
        folder = re.search(rf"^{variable}:PATH=(.+)$", cache, re.MULTILINE)
        if folder:
            yield variable, f"{name} {first_line('git', '-C', folder[1], 'describe', '--tags', '--always')}"


def head(bench, peers):
    with_peers = f", with {len(peers)} peers that are no Debian packages, built elsewhere" if peers else ""
    return [
        "# Results",
        "",
        f"Written by `make bench`. Medians of {bench.rounds} rounds, all systems in turn in each round, on one machine that "
        "others may share: read the ratios, not the times.",
        "",
        f"- {processor()}, {os.cpu_count()} processors, Linux {platform.release()}",
        f"- {first_line('g++', '--version')}; {first_line('go', 'version')}; {tokio(bench.tree)}",
        f"- {'; '.join(map(version, ('libboost1.81-dev', 'libuv1-dev', 'libssl-dev')))}",
        f"- {first_line('nginx', '-v')}; {first_line('curl', '--version').partition(' (')[0]}; {first_line('wget2', '--version')}; "
        f"{first_line('aria2c', '--version')}",
        *(f"- {peer}, configured with {variable}" for variable, peer in checkouts(bench.tree)),
        f"- command: `make bench`, that is `python3 benchmarks/run.py build-release`{with_peers}; one part alone with `--only`, "
        f"of {', '.join(NAMES)}",
    ]


def main():
    wanted = arguments()
    bench = Bench(wanted.build.resolve(), wanted.rounds)
    parts = old_parts()
    for name in (name for name in NAMES if name in wanted.only):
        print(f"measuring {name}", file=sys.stderr, flush=True)
        parts[name] = measured(name, bench, wanted.peers) or parts.get(name)
        # After each part, so that a failure costs that part alone.
        blocks = [["", MARK.format(name), "", *parts[name]] for name in NAMES if parts.get(name)]
        wanted.output.write_text("\n".join(sum(blocks, head(bench, wanted.peers))) + "\n")
        print("\n".join(parts[name] or [f"{name} was not built"]), flush=True)


if __name__ == "__main__":
    main()
