#!/usr/bin/env python3
"""Many small files from nginx on loopback into memory, by `thrum get` and its peers.

10,000 files of 10 KiB; medians of 3 rounds, all programs in turn in each round. Prints a table in Markdown. What
matters is the CPU time per file, the kernel's included; files per second depend on what else the machine does.
curl, wget2 and aria2c are measured where they are installed.
"""
import argparse
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from beside import folder_in_memory, free_port  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("thrum", type=pathlib.Path)
parser.add_argument("rounds", type=int, nargs="?", default=3)
parser.add_argument("files", type=int, nargs="?", default=10_000)
arguments = parser.parse_args()
THRUM, ROUNDS, FILES = arguments.thrum.resolve(), arguments.rounds, arguments.files
SIZE = 10 * 1024
NGINX = """daemon off; worker_processes 1; pid {0}/pid; error_log {0}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; keepalive_requests 1000000;
  client_body_temp_path {0}/1; proxy_temp_path {0}/2; fastcgi_temp_path {0}/3; uwsgi_temp_path {0}/4; scgi_temp_path {0}/5;
  server {{ listen 127.0.0.1:{1}; root {0}/root; }} }}
"""


def furnish(folder, port):
    """Files that are one on the disk, their URLs, and the same as curl's configuration."""
    (folder / "root").mkdir()
    seed = folder / "root/seed"
    seed.write_bytes(os.urandom(SIZE))
    urls = []
    for number in range(FILES):
        os.link(seed, folder / f"root/{number}.bin")
        urls.append(f"http://127.0.0.1:{port}/{number}.bin")
    (folder / "list").write_text("\n".join(urls) + "\n")
    (folder / "curl").write_text("".join(f"url={u}\noutput={folder}/got/{u.rsplit('/', 1)[1]}\n" for u in urls))
    (folder / "nginx.conf").write_text(NGINX.format(folder, port))


def programs(folder):
    got, urls = folder / "got", folder / "list"
    offered = [
        ("thrum get -j 16", {}, [THRUM, "get", "-q", "-j", "16", "-d", got, "-i", urls]),
        ("thrum get -j 16, one worker", {"THRUM_WORKERS": "1"}, [THRUM, "get", "-q", "-j", "16", "-d", got, "-i", urls]),
        ("thrum get -j 16, epoll", {"THRUM_REACTOR": "epoll"}, [THRUM, "get", "-q", "-j", "16", "-d", got, "-i", urls]),
        ("curl -Z --parallel-max 50", {}, ["curl", "-sS", "--no-progress-meter", "-Z", "--parallel-max", "50", "-K", folder / "curl"]),
        ("wget2 --max-threads 16", {}, ["wget2", "-q", "--max-threads", "16", "-P", got, "-i", urls]),
        ("aria2c -j16", {}, ["aria2c", "-q", "-j16", "--file-allocation=none", "-d", got, "-i", urls]),
    ]
    return [program for program in offered if shutil.which(program[2][0])]


def once(folder, environment, command):
    """(CPU µs per file, files per second, megabytes of memory at most)."""
    shutil.rmtree(folder / "got", ignore_errors=True)
    (folder / "got").mkdir()
    start = time.monotonic()
    child = subprocess.Popen(list(map(str, command)), env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    took = time.monotonic() - start
    whole = sum(1 for file in (folder / "got").iterdir() if file.stat().st_size == SIZE)
    if child.returncode != 0 or whole != FILES:
        raise SystemExit(f"{command[0]} ended with {child.returncode} and {whole} of {FILES} files")
    return (usage.ru_utime + usage.ru_stime) / FILES * 1e6, FILES / took, usage.ru_maxrss / 1024


def main():
    with folder_in_memory("downloads") as name:
        folder, port = pathlib.Path(name), free_port()
        folder.chmod(0o755)  # nginx's worker is somebody else
        furnish(folder, port)
        server = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
        try:
            while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
                if server.poll() is not None:
                    raise SystemExit("nginx did not start: " + (folder / "error.log").read_text())
            seen = {name: [] for name, _, _ in programs(folder)}
            for _ in range(ROUNDS):
                for name, environment, command in programs(folder):
                    seen[name].append(once(folder, environment, command))
        finally:
            server.terminate()
            server.wait()
    medians = {name: [statistics.median(column) for column in zip(*runs)] for name, runs in seen.items()}
    best = next(iter(medians.values()))[0]
    print(f"{FILES:,} files of {SIZE // 1024} KiB, medians of {ROUNDS} rounds; in parentheses: times thrum's first line\n")
    print("| program | CPU µs per file | files per second | memory, MB |\n|---|---|---|---|")
    for name, (cpu, rate, megabytes) in medians.items():
        print(f"| {name} | {cpu:.1f} ({cpu / best:.2f}) | {rate:,.0f} | {megabytes:.0f} |")


if __name__ == "__main__":
    main()
