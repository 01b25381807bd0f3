"""What the parts of run.py share: systems measured in turn, servers that have a processor to themselves, and what they
cost: their own CPU time, user's and system's, from the kernel's accounting of their threads."""
import contextlib
import dataclasses
import os
import pathlib
import socket
import statistics
import subprocess
import tempfile

SERVER_CPU, LOAD_CPU = "0", str(min(1, os.cpu_count() - 1))
ONE_WORKER = {"THRUM_WORKERS": "1", "GOMAXPROCS": "1"}
IO_URING, EPOLL = {"THRUM_REACTOR": "io_uring"}, {"THRUM_REACTOR": "epoll"}
# Where others use the machine, BENCH_PREFIX="chrt -r 1" gives each program what it needs of it for its seconds.
PREFIX = os.environ.get("BENCH_PREFIX", "").split()
PREFIXED = f" Every program ran as `{' '.join(PREFIX)} PROGRAM`, because the machine was busy." if PREFIX else ""
PINNED_SERVER = f"Every server has one worker (`THRUM_WORKERS=1`, `GOMAXPROCS=1`) and is pinned to processor {SERVER_CPU};"
PINNED = f"{PINNED_SERVER}\nthe load runs on processor {LOAD_CPU}.{PREFIXED}"
PINNED_TOGETHER = f"{PINNED_SERVER}\nthe load runs there too.{PREFIXED}"


@dataclasses.dataclass(frozen=True)
class System:
    name: str
    program: str                                      # in the build's folder benchmarks/
    environment: dict = dataclasses.field(default_factory=dict)
    instead: str = ""                                 # what its row says where it was not built


class Bench:
    """One run: the folder of the build's programs, and how many rounds."""

    def __init__(self, tree, rounds):
        self.tree, self.rounds = tree, rounds
        self.programs = tree / "benchmarks"

    def has(self, system):
        return (self.programs / system.program).exists()

    def medians(self, systems, once):
        """{system's name: the medians of once(system)}, all in turn in each round; None for those that were not built."""
        runs = {system.name: [] for system in systems}
        for _ in range(self.rounds):
            for system in filter(self.has, systems):
                runs[system.name].append(once(system))
        return {name: [statistics.median(column) for column in zip(*rows)] if rows else None for name, rows in runs.items()}

    @contextlib.contextmanager
    def server(self, system, *arguments):
        """The system's server, which prints its port and is killed in the end."""
        command = pinned(SERVER_CPU, self.programs / system.program, *arguments)
        process = subprocess.Popen(command, env={**os.environ, **ONE_WORKER, **system.environment}, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            yield Server(process.pid, process.stdout.readline().strip())
        finally:
            process.kill()
            process.wait()

    @contextlib.contextmanager
    def load(self, program, *arguments, cpu=LOAD_CPU):
        """A load, whose connections stand; its end resets them."""
        process = subprocess.Popen(pinned(cpu, self.programs / program, *arguments), text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            if process.stdout.readline() != "ready\n":
                raise SystemExit(f"{program} {' '.join(map(str, arguments))} did not get ready")
            yield Load(process)
        finally:
            process.kill()
            process.wait()


@dataclasses.dataclass(frozen=True)
class Server:
    pid: int
    port: str

    def cpu_microseconds(self):
        tasks = pathlib.Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1000

    def resident_bytes(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise SystemExit(f"process {self.pid} has no VmRSS")

    def cost_of(self, load, count):
        """[CPU microseconds of each of `count`, and what the load saw of them]."""
        before = self.cpu_microseconds()
        seen = load.run(count)
        return [(self.cpu_microseconds() - before) / count, *seen]


class Load:
    def __init__(self, process):
        self.process = process

    def run(self, count):
        """What it prints of so much work."""
        print(count, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(map(str, self.process.args))} ended early")
        return list(map(float, line.split()))


def pinned(cpu, *command):
    return [*PREFIX, "taskset", "-c", cpu, *map(str, command)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def folder_in_memory(name):
    """A temporary folder, in memory where the system offers that."""
    return tempfile.TemporaryDirectory(prefix=f"thrum-{name}-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


def with_ratio(value, floor, digits=2):
    return f"{value:,.{digits}f} ({value / floor:.2f}×)"


def table(titles, rows):
    return ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|", *("| " + " | ".join(row) + " |" for row in rows)]


def missing(system, columns):
    """The last cells of a row of a system that was not built."""
    return [system.instead or "not built here", *["–"] * (columns - 1)]


def aims(*wanted):
    """What (what, asked, measured, whether it holds) come to: a sentence, and a table."""
    rows = [(what, asked, measured, "yes" if holds else "**no**") for what, asked, measured, holds in wanted]
    held = sum(holds for *_, holds in wanted)
    return [f"{held} of {len(wanted)} aims hold in this run.", "", *table(("aim", "asked", "measured", "holds"), rows)]


def at_most(what, limit, value, unit="×"):
    return what, f"≤ {limit:g}{unit}", f"{value:,.2f}{unit}", value <= limit


def at_least(what, limit, value, unit="×"):
    return what, f"≥ {limit:g}{unit}", f"{value:,.2f}{unit}", value >= limit
