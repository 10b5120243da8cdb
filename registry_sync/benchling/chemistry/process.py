"""The child process in which RDKit reads structures, and the time that it has for each."""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from typing import Any

LONGEST = 10.0
"""Seconds for one structure; the hardest of ChEMBL's drugs takes less than one."""
START = 60.0
"""Seconds in which a new process must answer for the first time."""


class NoAnswer(Exception):
    """The process ended, or did not answer in time."""


class TooLong(NoAnswer):
    """The process did not answer in time."""


def is_available() -> bool:
    """Return whether RDKit is installed (requirements-chem.txt)."""
    return importlib.util.find_spec("rdkit") is not None


class Child:
    """One child process for as long as this process lives. It is started when it is needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._rest = b""

    def ask(self, text: str) -> dict[str, Any]:
        """Return what the child says of a structure. Raise NoAnswer, and then start afresh."""
        with self._lock:
            longest = LONGEST if self._is_ready() else START
            process = self._running()
            assert process.stdin is not None
            try:
                process.stdin.write(json.dumps(text).encode() + b"\n")
                process.stdin.flush()
                return dict(json.loads(self._line(process, longest)))
            except NoAnswer:
                self.stop()
                raise
            except OSError as error:
                self.stop()
                raise NoAnswer from error

    def stop(self) -> None:
        """End the child."""
        process, self._process, self._rest = self._process, None, b""
        if process is not None and self._owner == os.getpid():
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _is_ready(self) -> bool:
        # A forked process must not write into the pipe of the one that it was forked from.
        is_own = self._process is not None and self._owner == os.getpid()
        return is_own and self._process is not None and self._process.poll() is None

    def _running(self) -> subprocess.Popen[bytes]:
        if not self._is_ready():
            self.stop()
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "registry_sync.benchling.chemistry.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            )
        assert self._process is not None
        return self._process

    def _line(self, process: subprocess.Popen[bytes], longest: float) -> bytes:
        assert process.stdout is not None
        until = time.monotonic() + longest
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                remaining = until - time.monotonic()
                if remaining <= 0 or not selector.select(remaining):
                    raise TooLong
                received = os.read(process.stdout.fileno(), 65536)
                if not received:
                    raise NoAnswer
                self._rest += received
        line, _, self._rest = self._rest.partition(b"\n")
        return line


CHILD = Child()
"""This process's child."""
# Otherwise it ends shortly after the command, and systemd may kill it first and log that.
atexit.register(CHILD.stop)
