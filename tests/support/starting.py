"""Start Python as a process of its own, by a fork where the platform has what that takes."""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from threading import Lock, current_thread, main_thread
from typing import Any

from sandbox.children import dies_with_parent
from tests.support import ROOT

PR_SET_CHILD_SUBREAPER = 36
AT_START = ("PYTHON", "LC_", "LANG")
"""How the names of what an interpreter reads begin; `PYTHON` itself is only the Makefile's."""
PATIENCE = 120
"""Seconds for a server to load everything, or to fork, on a busy machine."""


def start_python(
    *words: str, env: Mapping[str, str], often: bool = False, **streams: Any
) -> subprocess.Popen[Any]:
    """Run `python words` at the root, in a process group of its own; it ends with the tests.

    `often`: more will be started with this environment, so its settings are read once for all.
    """
    how: dict[str, Any] = {"cwd": ROOT, "env": dict(env), **streams}
    if _can_adopt() and at_start(env) == at_start(os.environ):
        return Forked(words, often, **how)
    return subprocess.Popen(
        [sys.executable, *words], start_new_session=True, preexec_fn=dies_with_parent, **how
    )


def run_python(
    *words: str, env: Mapping[str, str], often: bool = False, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run `python words` at the root, and return what it said."""
    how = {"often": often, "text": True}
    with start_python(*words, env=env, stdout=-1, stderr=-1, **how) as child:
        try:
            said = child.communicate(timeout=timeout)
        except BaseException:
            child.kill()
            raise
    return subprocess.CompletedProcess(child.args, child.returncode, *said)


def at_start(env: Mapping[str, str]) -> dict[str, str]:
    """Return what an interpreter reads before it runs anything."""
    read = (name for name in env if name.startswith(AT_START) and name != "PYTHON")
    return {name: env[name] for name in read}


class Forked(subprocess.Popen[Any]):
    """A process that `tests.support.fork_server` forked, and a child of this one as any other."""

    def __init__(self, words: tuple[str, ...], often: bool, **how: Any) -> None:
        self._often = often
        super().__init__(words, **how)

    def _execute_child(self, words: tuple[str, ...], *given: Any, **_: Any) -> None:
        """Do in place of Popen what it does last; the order of what is given is CPython's."""
        env, pipes = given[5], given[9:15]
        inward, _, _, outward, _, failing = pipes
        streams = [own if fd == -1 else fd for own, fd in enumerate((inward, outward, failing))]
        self.pid = _server().fork(words, env, streams, self._often)
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


class ForkServer:
    """The one server of a worker of pytest; it ends with the thread that started it."""

    def __init__(self) -> None:
        assert current_thread() is main_thread()
        self._lock = Lock()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.settimeout(PATIENCE)
        env = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
        words = [sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(
                words, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()], preexec_fn=dies_with_parent,
            )  # fmt: skip
        atexit.register(self._stop)

    def fork(
        self, words: tuple[str, ...], env: dict[str, str], streams: list[int], often: bool = False
    ) -> int:
        """Return the pid of a new child, which runs these words.

        The server forks twice, and the process between ends: its child is handed up to the next
        ancestor that takes such children on, which is this process for as long as it asks.
        https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
        """
        request = json.dumps({"words": words, "env": env, "often": often}).encode()
        with self._lock:
            _adopt(True)
            try:
                socket.send_fds(self._channel, [request], streams)
                answer = self._channel.recv(100)
            except BaseException:
                self._channel.close()  # a late answer is not that of the next request
                raise
            finally:
                _adopt(False)
        if not answer:
            raise RuntimeError("The fork server has ended; its error is above.")
        return int(answer)

    def _stop(self) -> None:
        self._channel.close()
        self._process.wait(PATIENCE)


@cache
def _can_adopt() -> bool:
    """Return whether this platform can hand a process on to this one."""
    return sys.platform == "linux" and _adopt(True) and _adopt(False)


def _adopt(wanted: bool) -> bool:
    return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0) == 0)


@cache
def _server() -> ForkServer:
    return ForkServer()
