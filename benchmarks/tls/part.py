"""TLS: echo and handshakes, beside OpenSSL on a bare epoll loop."""
import pathlib
import subprocess
import tempfile

from beside import EPOLL, IO_URING, PINNED, System, aims, at_most, table, with_ratio

RAW = System("OpenSSL on epoll", "tls/openssl_epoll")
OURS = [System("thrum, epoll", "tls/thrum_tls", EPOLL), System("thrum, io_uring", "tls/thrum_tls", IO_URING)]
SYSTEMS = [RAW, *OURS]
LOADS = [("echo of 512 B, 1 connection", ["1", "512"], 20_000), ("echo of 512 B, 100 connections", ["100", "512"], 100_000),
         ("echo of 16 KiB, 100 connections", ["100", "16384"], 20_000), ("full handshake", ["handshakes"], 1_000),
         ("resumed handshake", ["resumed"], 1_000)]

TITLE = "TLS 1.3: echo and handshakes on loopback"
TEXT = ["The server's CPU time per request, or per handshake with a byte there and back, in microseconds, and how many times that",
        "of a hand-written epoll loop over OpenSSL (`benchmarks/tls/openssl_epoll.c`). thrum: a thread per client. A P-256 key.",
        PINNED]


def certificate(folder):
    files = [pathlib.Path(folder) / "certificate.pem", pathlib.Path(folder) / "key.pem"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=localhost", "-out", files[0], "-keyout", files[1]], check=True, stderr=subprocess.DEVNULL)
    return files


def once(bench, system, files, arguments, count):
    with bench.server(system, *files) as server, bench.load("tls/load", server.port, *arguments) as load:
        return server.cost_of(load, count)


def tls(bench):
    rows, wanted = [], []
    with tempfile.TemporaryDirectory() as folder:
        files = certificate(folder)
        for title, arguments, count in LOADS:
            figures = bench.medians(SYSTEMS, lambda system: once(bench, system, files, arguments, count))
            costs = {system.name: figures[system.name][0] for system in SYSTEMS}
            floor = costs[RAW.name]
            rows.append([title, *(with_ratio(cost, floor) for cost in costs.values())])
            wanted += [at_most(f"{title}, {system.name}", 1.1, costs[system.name] / floor) for system in OURS]
    return [*table(("load", *(system.name for system in SYSTEMS)), rows), "", *aims(*wanted)]
