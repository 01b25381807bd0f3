"""Large transfers through the kernel alone, beside the same system calls in a bare loop."""
import pathlib

from beside import EPOLL, IO_URING, PINNED, System, aims, at_least, folder_in_memory, free_port, table, with_ratio

RAW = System("raw sendfile and splice", "transfers/raw_transfer")
OURS = [System("thrum, epoll", "transfers/thrum_transfer", EPOLL), System("thrum, io_uring", "transfers/thrum_transfer", IO_URING)]
SYSTEMS = [RAW, *OURS]
SIZE, MEGABYTE = 1 << 30, 1e6
MODES = {"send": "file to socket", "receive": "socket to file", "relay": "socket to socket"}

TITLE = "Large transfers: 1 GiB through the kernel alone"
TEXT = ["`Socket::sendfile`, `Socket::receive_file` and `relay` beside blocking loops of sendfile(2) and of splice(2) by way of a",
        "pipe of 1 MiB. The file lies in memory. The server's CPU time per megabyte in microseconds, in parentheses how many",
        "times the bare loop's; and megabytes per second, in parentheses the same.",
        PINNED]


def once(bench, system, mode, file):
    """CPU µs per megabyte, megabytes per second."""
    port = free_port()
    own = [port] if mode == "relay" else []
    with bench.server(system, mode, *(own or [file])) as server:
        with bench.load("transfers/load", server.port, mode, *own) as load:
            cost, rate = server.cost_of(load, SIZE)
            return cost * MEGABYTE, rate


def transfers(bench):
    with folder_in_memory("transfers") as folder:
        file = pathlib.Path(folder) / "file"
        with file.open("wb") as out:
            for _ in range(SIZE >> 20):
                out.write(bytes(1 << 20))
        seen = {mode: bench.medians(SYSTEMS, lambda system: once(bench, system, mode, file)) for mode in MODES}
    rows, wanted = [], []
    for mode, title in MODES.items():
        floor = seen[mode][RAW.name]
        for system in SYSTEMS:
            cost, rate = seen[mode][system.name]
            rows.append([title, system.name, with_ratio(cost, floor[0], 1), with_ratio(rate, floor[1], 0)])
            if system != RAW:
                wanted.append(at_least(f"{title}, {system.name}: CPU of the bare loop", 0.95, floor[0] / cost))
                wanted.append(at_least(f"{title}, {system.name}: megabytes per second", 0.95, rate / floor[1]))
    return [*table(("transfer", "system", "CPU µs per MB", "MB per second"), rows), "", *aims(*wanted)]
