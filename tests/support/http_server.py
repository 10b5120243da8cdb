"""An HTTP server of a test, in this process: a thread for each connection, and a prompt end."""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """Listens on a port of its own until it is stopped.

    `serve_forever` looks now and then whether it must end, and whoever ends it waits for that look:
    in thousands of tests. Here one last connection ends it at once.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._ended = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def server_bind(self) -> None:
        """Bind, and ask no one for the name of loopback."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Take no connection once it has ended."""
        return not self._ended

    def stop(self) -> None:
        """Listen no more; what is being answered is answered."""
        self._ended = True
        with contextlib.suppress(OSError):  # it may be stopped twice
            socket.create_connection(self.server_address[:2], timeout=60).close()
        self._thread.join(60)
        self.server_close()

    def _accept(self) -> None:
        while not self._ended:
            self._handle_request_noblock()
