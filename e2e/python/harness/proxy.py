"""A TCP proxy that cuts the connection after a given number of bytes from the server."""

import socket
import struct
import threading


class CuttingProxy:
    """Forwards one connection to `target`; after `cut_after` bytes towards the client it cuts both sides.

    `None` never cuts. `reset` says whether the client sees a reset or an orderly end. It takes
    no second connection, so a client that dials again is refused.
    """

    def __init__(self, target: str, cut_after: int | None = None, *, reset=False):
        host, _, port = target.rpartition(":")
        self.passed = 0
        self._cut_after, self._reset = cut_after, reset
        self._upstream_address = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"grpc://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets = [self._listener]
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._close()
        for thread in self._threads:
            thread.join(timeout=10)

    def _serve(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        self._listener.close()
        server = socket.create_connection(self._upstream_address)
        self._sockets += [client, server]
        back = threading.Thread(target=self._pump, args=(client, server), daemon=True)
        self._threads.append(back)
        back.start()
        self._pump(server, client, counted=True)
        self._close()

    def _pump(self, source: socket.socket, sink: socket.socket, counted=False) -> None:
        try:
            while data := source.recv(65536):
                if counted and self._cut_after is not None:
                    data = data[: self._cut_after - self.passed]
                sink.sendall(data)
                if counted:
                    self.passed += len(data)
                    if self.passed == self._cut_after:
                        return
        except OSError:
            pass

    def _close(self) -> None:
        for one in self._sockets:
            try:
                if self._reset and one is not self._listener:
                    # Closing sends the reset, but not while the other thread still waits in recv.
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    one.shutdown(socket.SHUT_RD)
                else:
                    one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
