"""An HTTP proxy in front of a store that fails as it is told, and counts what it passes.

Each request takes the first fault that is meant for it; a fault is used up after `times` requests. Nothing waits longer than
`HANG_SECONDS`.
"""

import http.client
import re
import threading
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HANG_SECONDS = 60
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass
class Fault:
    """What happens to requests whose `METHOD path` matches: a status, a hang, or a body cut in the middle."""

    pattern: str
    times: float
    status: int = 0
    hang: bool = False
    cut: bool = False


class FaultyProxy:
    """Forwards to `target`, a `host:port`; `requests` and `bodies` count by (method, path without its query).

    `failed` counts the requests that met a fault.
    """

    def __init__(self, target: str):
        self.requests, self.bodies, self.failed = Counter(), Counter(), 0
        self._target, self._faults, self._lock = target, [], threading.Lock()
        self._calm = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.endpoint = f"127.0.0.1:{self._server.server_port}"

    def answer(self, status: int, times: float = float("inf"), pattern="") -> None:
        self._add(Fault(pattern, times, status=status))

    def hang(self, times: float = float("inf"), pattern="") -> None:
        self._add(Fault(pattern, times, hang=True))

    def cut(self, times: float = float("inf"), pattern="GET") -> None:
        self._add(Fault(pattern, times, cut=True))

    def calm(self) -> None:
        """No more faults; what hangs goes on. The counts begin anew."""
        with self._lock:
            self._faults.clear()
            self._calm.set()
            self._calm = threading.Event()
            self.requests.clear()
            self.bodies.clear()
            self.failed = 0

    def received(self, method="GET", suffix="") -> int:
        """Bytes of bodies that the store sent."""
        found = self.bodies.items()
        return sum(n for (verb, path), n in found if verb == method and path.endswith(suffix))

    def stop(self) -> None:
        self.calm()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def _take(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.requests[method, path] += 1
            for fault in self._faults:
                if fault.times > 0 and re.search(fault.pattern, f"{method} {path}"):
                    fault.times -= 1
                    self.failed += 1
                    return fault
        return None

    def _count(self, method: str, path: str, size: int) -> None:
        with self._lock:
            self.bodies[method, path] += size


def _handler(proxy: FaultyProxy):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = HANG_SECONDS

        def handle_request(self) -> None:
            path = self.path.partition("?")[0]
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            fault = proxy._take(self.command, path)
            if fault and fault.hang:
                proxy._calm.wait(HANG_SECONDS)
            if fault and fault.status:
                self._reply(fault.status, [], b"")
                return
            status, headers, answer = self._forward(body)
            if self.command != "HEAD":
                proxy._count(self.command, path, len(answer))
            self._reply(status, headers, answer, cut=bool(fault and fault.cut))

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request

        def _forward(self, body: bytes):
            upstream = http.client.HTTPConnection(proxy._target, timeout=HANG_SECONDS)
            try:
                upstream.request(self.command, self.path, body, dict(self.headers.items()))
                reply = upstream.getresponse()
                return reply.status, reply.getheaders(), reply.read()
            finally:
                upstream.close()

        def _reply(self, status: int, headers, answer: bytes, *, cut=False) -> None:
            length = str(len(answer))
            if self.command == "HEAD":
                length = next((v for k, v in headers if k.lower() == "content-length"), "0")
            try:
                self.send_response_only(status)
                for key, value in headers:
                    if key.lower() not in _HOP_BY_HOP:
                        self.send_header(key, value)
                self.send_header("Content-Length", length)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer[: len(answer) // 2] if cut else answer)
            except OSError:
                cut = True  # nobody waits for it any more
            self.close_connection = self.close_connection or cut

        def log_message(self, *_) -> None:
            pass

    return Handler
