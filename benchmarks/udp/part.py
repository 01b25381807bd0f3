"""Datagrams there and back, in batches, beside a bare loop of recvmmsg and sendmmsg."""
from beside import EPOLL, IO_URING, PINNED, System, aims, at_most, table, with_ratio

RAW = System("raw recvmmsg and sendmmsg", "udp/raw_mmsg")
OURS = [System("thrum, epoll", "udp/thrum_mmsg", EPOLL), System("thrum, io_uring", "udp/thrum_mmsg", IO_URING)]
SYSTEMS = [RAW, *OURS]
LOADS = [(1, 512, 30_000), (64, 512, 200_000), (64, 1400, 200_000)]  # in flight, bytes, datagrams

TITLE = "Datagrams: UDP there and back on loopback"
TEXT = ["`Socket::recv_batch` and `send_batch`, as many as are there at a time, beside the same system calls in a bare loop",
        "(`benchmarks/udp/raw_mmsg.c`). The server's CPU time per datagram in microseconds, and how many times the bare loop's.",
        PINNED]


def once(bench, system, in_flight, size, count):
    with bench.server(system) as server, bench.load("udp/load", server.port, in_flight, size) as load:
        return server.cost_of(load, count)


def udp(bench):
    rows, wanted = [], []
    for in_flight, size, count in LOADS:
        figures = bench.medians(SYSTEMS, lambda system: once(bench, system, in_flight, size, count))
        floor = figures[RAW.name]
        for system in SYSTEMS:
            cost, rate = figures[system.name]
            rows.append([f"{in_flight} of {size} bytes", system.name, with_ratio(cost, floor[0]), with_ratio(rate, floor[1], 0)])
            if system != RAW:
                wanted.append(at_most(f"{in_flight} of {size} bytes, {system.name}", 1.1, cost / floor[0]))
    return [*table(("in flight", "system", "CPU µs per datagram", "datagrams per second"), rows), "", *aims(*wanted)]
