"""A hundred thousand clients in one process that may have 20,000 descriptors."""
import os
import re
import subprocess

from beside import IO_URING, PREFIX, aims, at_least, at_most, table

CLIENTS, BYTES_PER_CLIENT = 100_000, 5 * 1024
DESCRIPTORS = 20_000

TITLE = "Clients beyond the descriptor limit"
TEXT = [f"`TCPServer` with `direct_descriptors`, a guarded stack for each client, at most {DESCRIPTORS:,} descriptors; the load, of",
        "as many threads and sockets, is a second process that does the same. Every client sends a line and checks the answer,",
        "twice: when it has come, and when all are there and the server's memory has been read (`benchmarks/clients`, once)."]


def clients(bench):
    command = [*PREFIX, "prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}", str(bench.programs / "clients/thrum_clients"), str(CLIENTS)]
    lines = subprocess.run(command, env={**os.environ, **IO_URING}, text=True, stdout=subprocess.PIPE, check=True).stdout

    def figure(words):
        return float(re.search(words, lines)[1])

    parked, memory = figure(r"clients parked: (\d+)"), figure(r"user memory: (\d+)")
    right = figure(r"right answers in the second round: (\d+)")
    rows = [["clients parked", f"{parked:,.0f}"], ["right answers in the second round", f"{right:,.0f}"],
            ["user memory per client, bytes (VmRSS)", f"{memory:,.0f}"],
            ["until all had come and been answered, seconds", f"{figure(r'answered once in ([0-9.]+)'):.1f}"]]
    return [*table(("", "figure"), rows), "",
            *aims(at_least("clients parked", CLIENTS, parked, ""), at_most("bytes per client", BYTES_PER_CLIENT, memory, ""))]
