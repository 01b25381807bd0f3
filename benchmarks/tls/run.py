#!/usr/bin/env python3
"""run.py BUILD [ROUNDS]: TLS servers beside each other, interleaved; prints a table in Markdown.

Server and load each have a processor. The cost is the server's own CPU time divided by what it answered, medians of
ROUNDS (5)."""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1]).resolve() / "benchmarks"
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
SERVER_CPU, LOAD_CPU = "0", str(min(1, os.cpu_count() - 1))
LOADS = [("echo of 512 B, 1 connection", ["1", "20000"], 20000), ("echo of 512 B, 100 connections", ["100", "100000"], 100000),
         ("echo of 16 KiB, 100 connections", ["100", "20000", "16384"], 20000),
         ("full handshake", ["handshakes", "1000"], 1000), ("resumed handshake", ["resumed", "1000"], 1000)]
SERVERS = [("OpenSSL on epoll", "tls/openssl_epoll", {}), ("thrum, io_uring", "tls/thrum_tls", {"THRUM_REACTOR": "io_uring"}),
           ("thrum, epoll", "tls/thrum_tls", {"THRUM_REACTOR": "epoll"})]


def cpu_nanoseconds(pid):
    return sum(int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def once(program, extra, arguments, count, files):
    server = subprocess.Popen(["taskset", "-c", SERVER_CPU, BUILD / program, *files], text=True, stdout=subprocess.PIPE,
                              env={**os.environ, "THRUM_WORKERS": "1", **extra}, stderr=subprocess.DEVNULL)
    try:
        load = ["taskset", "-c", LOAD_CPU, BUILD / "tls/load", server.stdout.readline().strip()]
        first = [arguments[0], "200", *arguments[2:]]
        subprocess.run([*load, *first], check=True, stdout=subprocess.DEVNULL, timeout=60)
        before = cpu_nanoseconds(server.pid)
        subprocess.run([*load, *arguments], check=True, stdout=subprocess.DEVNULL, timeout=120)
        return (cpu_nanoseconds(server.pid) - before) / 1000 / count
    finally:
        server.kill()
        server.wait()


def main():
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{folder}/certificate.pem", f"{folder}/key.pem"]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", "/CN=localhost", "-out", files[0], "-keyout", files[1]], check=True, stderr=subprocess.DEVNULL)
        print("| load | " + " | ".join(name for name, _, _ in SERVERS) + " |")
        print("|---|" + "---|" * len(SERVERS))
        for name, arguments, count in LOADS:
            figures = {server: [] for server, _, _ in SERVERS}
            for _ in range(ROUNDS):
                for server, program, extra in SERVERS:
                    figures[server].append(once(program, extra, arguments, count, files))
            medians = [statistics.median(figures[server]) for server, _, _ in SERVERS]
            print(f"| {name} | " + " | ".join(f"{m:.2f} µs ({m / medians[0]:.2f}×)" for m in medians) + " |", flush=True)


main()
