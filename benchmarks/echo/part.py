"""Echo over TCP at 1 to 10,000 connections, what a parked client costs in memory, and connections that come and go."""
from beside import EPOLL, IO_URING, PINNED, PINNED_TOGETHER, SERVER_CPU, System, aims, at_most, missing, table, with_ratio

RAW = System("raw epoll", "echo/raw_epoll")
OURS = [System("thrum, epoll", "echo/thrum_echo", EPOLL), System("thrum, io_uring", "echo/thrum_echo", IO_URING)]
DEFAULT = OURS[1]  # what runs where nothing is said; the one measured beside the others
GO = System("Go", "echo/go_echo", instead="go is not installed")
# Photon's figure where it was not built: measured by this project on another AMD EPYC with two processors, Linux 6.18,
# at 100 connections of 512 bytes, 4.82 µs beside raw epoll's 4.72.
OTHERS = [GO,
          System("Asio coroutines", "echo/asio_echo", instead="Boost.Asio is not installed"),
          System("libuv", "echo/uv_echo", instead="libuv1-dev is not installed"),
          System("tokio", "echo/tokio_echo", instead="no cargo, or it could not have the crate"),
          System("Photon", "echo/photon_echo", instead="no `THRUM_PHOTON`; 1.02× at 100 connections on an earlier day")]
SYSTEMS = [RAW, *OURS, *OTHERS]
LOADS = {1: 30_000, 100: 150_000, 1_000: 150_000, 10_000: 200_000}  # connections: requests
MOST = max(LOADS)
CHURN = {"accept": "accepted and ended", "request": "with one request"}
AT_ONCE, CHURNED = 100, 15_000

ECHO_TITLE = "Echo: 512 bytes there and back over TCP on loopback"
ECHO_TEXT = ["The server's CPU time per request in microseconds, and in parentheses how many times that of the hand-written",
             "epoll loop (`benchmarks/echo/raw_epoll.c`); the latency the load saw, in microseconds. thrum, Go, Photon and Asio:",
             "one thread (goroutine, coroutine) per client, straight-line code; tokio: a task for each.",
             PINNED]


def echo_once(bench, system, connections):
    """CPU µs per request, requests per second, latency's median and p99 in µs."""
    with bench.server(system) as server, bench.load("echo/load", server.port, connections) as load:
        return server.cost_of(load, LOADS[connections])


def counted(connections):
    return f"{connections:,} connection{'s' if connections > 1 else ''}"


def echo(bench):
    seen = {n: bench.medians(SYSTEMS, lambda system: echo_once(bench, system, n)) for n in LOADS}
    rows, wanted = [], []
    for connections, figures in seen.items():
        floor = figures[RAW.name]
        for system in SYSTEMS:
            mine = figures[system.name]
            cells = (missing(system, 3) if mine is None else
                     [with_ratio(mine[0], floor[0]), f"{mine[2]:,.0f}", with_ratio(mine[3], floor[3], 0)])
            rows.append([f"{connections:,}", system.name, *cells])
        wanted += [at_most(f"{counted(connections)}, {ours.name} beside raw epoll", 1.05, figures[ours.name][0] / floor[0])
                   for ours in OURS]
        mine = figures[DEFAULT.name]
        wanted.append(at_most(f"{counted(connections)}, {DEFAULT.name}: p99 beside raw epoll's", 1, mine[3] / floor[3]))
        # tokio has no stack for each client: to be level with it is the aim.
        wanted += [at_most(f"{counted(connections)}, {DEFAULT.name} beside {other.name}", 1.05 if other.name == "tokio" else 1,
                           mine[0] / figures[other.name][0]) for other in OTHERS if figures[other.name]]
    return [*table(("connections", "system", "CPU µs per request", "median µs", "p99 µs"), rows), "", *aims(*wanted)]


MEMORY_TITLE = "Memory of clients that wait"
MEMORY_TEXT = [f"What the server's process grew by in RAM (`VmRSS`) for each of {MOST:,} clients that had their first answers and wait;",
               "the kernel's own memory for a connection is not in it. The program's buffer, 512 bytes or 4 KiB, is: thrum's lies on the",
               "stack of the client's thread, of which whole pages are resident, Go's on the heap."]


def memory_once(bench, system, arguments):
    with bench.server(system, *arguments) as server:
        alone = server.resident_bytes()
        with bench.load("echo/load", server.port, MOST):
            return [(server.resident_bytes() - alone) / MOST]


def memory(bench):
    systems = [*OURS, GO]
    small, large = (bench.medians(systems, lambda system: memory_once(bench, system, words)) for words in (["small"], []))
    rows = [[s.name, *(f"{f[s.name][0]:,.0f}" if f[s.name] else missing(s, 1)[0] for f in (small, large))] for s in systems]
    return [*table(("system", "bytes per client, buffer of 512 bytes", "buffer of 4 KiB"), rows), "",
            *aims(*(at_most(f"client that waits, {s.name}", 5, small[s.name][0] / 1024, " KB") for s in OURS))]


CHURN_TITLE = "Churn: connections that come and go"
CHURN_TEXT = [f"{AT_ONCE} connections at a time, each closed by the client and then by the server: `accepted and ended` at once,",
              "`with one request` after a byte there and back. The server's CPU time per connection in microseconds, in parentheses",
              "how many times raw epoll's, and connections per second of server and load together. To connect costs more than to",
              "accept: on a processor of its own the load would be the slower end, and servers be measured falling asleep.",
              PINNED_TOGETHER]


def churn_once(bench, system, mode):
    with bench.server(system) as server, bench.load("echo/churn", server.port, AT_ONCE, mode, cpu=SERVER_CPU) as load:
        return server.cost_of(load, CHURNED)


def churn(bench):
    seen = {mode: bench.medians(SYSTEMS, lambda system: churn_once(bench, system, mode)) for mode in CHURN}
    rows, wanted = [], []
    for system in SYSTEMS:
        cells = []
        for figures in seen.values():
            mine, floor = figures[system.name], figures[RAW.name]
            cells += missing(system, 2) if mine is None else [with_ratio(mine[0], floor[0]), f"{mine[1]:,.0f}"]
        rows.append([system.name, *cells])
    for mode, figures in seen.items():
        if figures[GO.name]:
            wanted += [at_most(f"{CHURN[mode]}, {s.name} beside Go", 1, figures[s.name][0] / figures[GO.name][0]) for s in OURS]
    titles = [title for what in CHURN.values() for title in (f"{what}: CPU µs", "per second")]
    return [*table(("system", *titles), rows), "", *aims(*wanted)]
