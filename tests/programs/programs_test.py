"""programs_test.py FOLDER PROGRAM: one program of examples/, run and met by a real other side.

FOLDER holds the built programs by floor; PROGRAM is the method's name after "test_". Servers listen on port 0.
"""

import hashlib
import http.client
import json
import os
import pathlib
import re
import socket
import sys
import tempfile
import threading
import time
import unittest

import peers
from peers import Program, connect, receive_all, run

FOLDER = pathlib.Path(sys.argv.pop(1))
CLIENTS = 50
PICTURES = 12
DELAY = 0.05  # seconds by which the picture server is slow to answer


class ProgramsTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="thrum-programs-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def port_of(self, line, pattern):
        found = re.fullmatch(pattern, line)
        self.assertTrue(found, f"said {line!r}, not {pattern!r}")
        return int(found[1])

    # --- threads

    def test_simple_thread(self):
        self.assertEqual(run(FOLDER / "threads/simple_thread"), "0\n1\n2\n3\n4\n")

    def test_many_threads(self):
        lines = run(FOLDER / "threads/many_threads").splitlines()
        self.assertEqual(sorted(lines[:5]), [f"Task {i} is running..." for i in range(5)])
        self.assertEqual(lines[5:], ["100000 threads slept at the same time"])

    def test_lock_counter(self):
        self.assertEqual(run(FOLDER / "threads/lock_counter"), "Final Counter Value: 5000\n")

    def test_thread_pool(self):
        self.assertEqual(run(FOLDER / "threads/thread_pool"),
                         "".join(f"mapped {n * n}\n" for n in range(5))
                         + "sum 20\nfailed: no data\nstill running after 50 ms\n")

    def test_producer_consumer(self):
        self.assertEqual(run(FOLDER / "threads/producer_consumer"), "total 2002000\n")

    def test_deadlines(self):
        self.assertEqual(run(FOLDER / "threads/deadlines"), "timed out\nunwound\nanswer 42\n")

    # --- sockets

    def test_tcp_server(self):
        with Program(FOLDER / "sockets/tcp_server", 0) as server:
            port = self.port_of(server.line(), r"Server is listening on port (\d+)\.\.\.")
            for _ in range(3):
                with connect(port) as client:
                    own = "%s:%d" % client.getsockname()
                    self.assertEqual(receive_all(client), b"Hello from server!")
                self.assertEqual(server.line(), f"Connection from {own} established")

    def test_tcp_client(self):
        with peers.tcp_peer(b"Good evening.") as port:
            self.assertEqual(run(FOLDER / "sockets/tcp_client", port), "Received: Good evening.\n")

    def test_udp_server(self):
        with Program(FOLDER / "sockets/udp_server", 0) as server:
            port = self.port_of(server.line(), r"UDP server is running on port (\d+)\.\.\.")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(peers.PATIENCE)
                client.connect(("127.0.0.1", port))
                for word in ("one", "two words"):
                    client.send(word.encode())
                    self.assertEqual(client.recv(1024), b"Message received")
                    self.assertEqual(server.line(), "Received '%s' from %s:%d" % (word, *client.getsockname()))

    def test_udp_client(self):
        with peers.udp_peer(b"So it is.") as (port, seen):
            self.assertEqual(run(FOLDER / "sockets/udp_client", port), "Received: So it is.\n")
            self.assertEqual(seen, [b"Hello, UDP Server!"])

    def test_echo_server(self):
        payload = os.urandom(200_000)
        with Program(FOLDER / "sockets/echo_server", 0) as server:
            port = self.port_of(server.line(), r"Echoing on 127\.0\.0\.1:(\d+)")
            clients = [connect(port) for _ in range(CLIENTS)]
            # All are connected at once, and the last is answered first: nobody waits for the one before.
            for client in reversed(clients):
                sender = threading.Thread(target=lambda c=client: (c.sendall(payload), c.shutdown(socket.SHUT_WR)))
                sender.start()
                self.assertEqual(receive_all(client), payload)
                sender.join()
                client.close()

    def test_multi_client_server(self):
        with Program(FOLDER / "sockets/multi_client_server", 0) as server:
            line = server.line()
            port = self.port_of(line, r"Server is listening on .*:(\d+)\.\.\.")
            host = "::1" if "[::1]" in line else "127.0.0.1"
            clients = [connect(port, host) for _ in range(CLIENTS)]
            for client in reversed(clients):
                client.sendall(b"Hello")
                self.assertEqual(receive_all(client), b"Hello from Server!")
                client.close()

    def test_echo_everywhere(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError as error:
            self.skipTest(f"no IPv6 on this machine: {error}")
        self.assertEqual(run(FOLDER / "sockets/echo_everywhere"), "IPv4: over IPv4\nIPv6: over IPv6\nUnix: over Unix\n")

    def test_tcp_server_class(self):
        self.assertEqual(run(FOLDER / "sockets/tcp_server_class"), "100 clients served\n")

    # --- http

    def test_hello_server(self):
        page = os.urandom(300_000)
        (self.folder / "page.bin").write_bytes(page)
        with Program(FOLDER / "http/hello_server", 0, cwd=self.folder) as server:
            port = self.port_of(server.line(), r"Serving on 127\.0\.0\.1:(\d+)")
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=peers.PATIENCE)

            def ask(method, path, body=None):
                client.request(method, path, body)
                answer = client.getresponse()
                return answer.status, answer.read(), answer.headers

            status, body, _ = ask("GET", "/hello")
            self.assertEqual((status, body), (200, b"Hello, world!"))
            first = client.sock
            status, body, headers = ask("GET", "/users/Zo%C3%AB")
            self.assertEqual((status, json.loads(body)), (200, {"name": "Zoë"}))
            self.assertEqual(headers.get_content_type(), "application/json")
            self.assertEqual(ask("POST", "/echo", page)[:2], (200, page))
            self.assertEqual(ask("GET", "/static/page.bin")[:2], (200, page))
            self.assertEqual(ask("HEAD", "/static/page.bin")[:2], (200, b""))
            for path in ("/nothing", "/static/nothing", "/static/../page.bin", "/static/%2e%2e/%2e%2e/etc/passwd",
                         "/static//etc/passwd", "/static/..%2f..%2f..%2fetc%2fpasswd"):
                status, body, _ = ask("GET", path)
                self.assertIn(status, (400, 403, 404), path)
                self.assertNotIn(b"root:", body)
            self.assertEqual(ask("DELETE", "/hello")[0], 405)
            self.assertIs(client.sock, first, "the connection was not kept")
            client.close()

    # --- requests

    def test_get_json(self):
        todo = {"id": 1, "title": "delectus", "completed": False, "tags": ["a", {"ü": None}]}
        with peers.web_peer(lambda path: ("application/json", json.dumps(todo).encode())) as base:
            said = run(FOLDER / "requests/get_json", base + "/todos/1")
        # nlohmann's dump(2) sorts the members and leaves UTF-8 as it is.
        self.assertEqual(said, json.dumps(todo, indent=2, sort_keys=True, ensure_ascii=False) + "\n")

    def test_verbs(self):
        with peers.httpbin(self.folder) as base:
            self.assertEqual(run(FOLDER / "requests/verbs", base),
                             "200 threads & sockets\n200 foo\n200 thrum\n200 as it is\n200 1\n404 NOT FOUND\n"
                             "nobody listens there\n")

    def test_session(self):
        with peers.httpbin(self.folder) as base:
            self.assertEqual(run(FOLDER / "requests/session", base),
                             "oat\n200\n3 redirects\ngzip true\n100000 bytes streamed\n")

    def test_download_images(self):
        pictures = {f"/picture-{n}.jpg": os.urandom(1000 + 20_000 * n) for n in range(PICTURES)}
        together = threading.Barrier(PICTURES)
        guard = threading.Lock()
        asked, running, most = set(), 0, 0

        def answer(path):
            nonlocal running, most
            with guard:
                again = path in asked
                asked.add(path)
                running += 1
                if not again:
                    most = max(most, running)
            if again:
                # The second time all are asked for at once: nobody is answered before everybody has asked.
                together.wait(peers.PATIENCE)
            else:
                time.sleep(DELAY)
            with guard:
                running -= 1
            return "image/jpeg", pictures[path]

        with peers.web_peer(answer) as base:
            lines = run(FOLDER / "requests/download_images", self.folder, *(base + path for path in pictures)).splitlines()
        self.assertEqual(most, 1, "the first round was not one by one")
        self.assertFalse(together.broken, "the second round was not at once")
        for path, body in pictures.items():
            kept = (self.folder / path[1:]).read_bytes()
            self.assertEqual(hashlib.sha256(kept).digest(), hashlib.sha256(body).digest(), path)
        self.assertEqual(len(list(self.folder.iterdir())), PICTURES, "something else was left in the folder")
        self.assertEqual(len(lines), 2 * PICTURES + 1)
        for line in lines[:-1]:
            self.assertRegex(line, r"^download_jpg took \d+\.\d{4} seconds to execute$")
        self.assertRegex(lines[-1], r"^one by one \d+\.\d{3} s, at once \d+\.\d{3} s$")


if __name__ == "__main__":
    program = sys.argv.pop(1)
    sys.argv.insert(1, f"ProgramsTest.test_{program}")
    unittest.main()
