"""Processes that end with the one that started them, even when that one is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys

PR_SET_PDEATHSIG = 1


def dies_with_parent() -> None:
    """Ask the kernel to end this child with its parent; to be used as `preexec_fn`.

    It is the thread that started the child whose end counts: start children from one that lasts.
    https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
    """
    # Ctrl-C in the terminal is the parent's business: it stops its children in its own order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1:  # the parent ended before we could ask
            os._exit(1)


def free_port() -> int:
    """Find a port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
