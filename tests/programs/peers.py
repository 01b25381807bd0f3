"""What the programs are run with: a program under watch, and servers and clients for it to meet."""

import contextlib
import http.server
import os
import socket
import subprocess
import threading
import urllib.request

PATIENCE = 120  # seconds after which something is stuck; nothing is expected to take nearly so long


class Program:
    """A running program. Its standard output is read line by line; ends by its process id with the block."""

    def __init__(self, path, *arguments, **options):
        self.process = subprocess.Popen([path, *map(str, arguments)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                        text=True, **options)
        # A program that hangs must not hang the test: its end makes readline() return.
        self.watch = threading.Timer(PATIENCE, self.process.kill)
        self.watch.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.watch.cancel()
        self.process.stdout.close()

    def line(self):
        return self.process.stdout.readline().removesuffix("\n")


def run(path, *arguments, **options):
    """Runs to the end; returns what it printed. Fails where the exit status is not 0 or it said something of errors."""
    done = subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL, check=False, **options)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"{path} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def connect(port, host="127.0.0.1"):
    client = socket.create_connection((host, port))
    client.settimeout(PATIENCE)
    return client


def receive_all(client):
    return b"".join(iter(lambda: client.recv(65536), b""))


@contextlib.contextmanager
def tcp_peer(answer):
    """A server that gives one client after the other `answer` and closes. Yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client:
                        client.sendall(answer)
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


@contextlib.contextmanager
def udp_peer(answer):
    """Answers each datagram with answer(data). Yields its port and the list of what came in."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        seen = []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    data, address = server.recvfrom(65536)
                    seen.append(data)
                    server.sendto(answer, address)
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], seen


class WebServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


@contextlib.contextmanager
def web_peer(answer):
    """An HTTP/1.1 server: answer(path) gives (content type, body) of every GET. Yields its base URL."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            kind, body = answer(self.path)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with WebServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def httpbin(folder):
    """The echo service, Debian's own. Yields its base URL."""
    # Bound and listening here, so that there is no port to lose and nothing to wait for.
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        os.set_inheritable(server.fileno(), True)
        process = subprocess.Popen(
            ["/usr/bin/python3", "-m", "gunicorn", "httpbin:app", "-b", f"fd://{server.fileno()}", "-k", "gthread",
             "--threads", "8", "--keep-alive", "30", "--graceful-timeout", "1", "--worker-tmp-dir", folder],
            pass_fds=[server.fileno()], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        base = f"http://127.0.0.1:{server.getsockname()[1]}"
        try:
            # Its first answer comes when all its modules are loaded, which may take longer than a program waits.
            urllib.request.urlopen(base + "/get", timeout=60).close()
            yield base
        finally:
            process.terminate()
            process.wait()
