"""Processes that end with the process that started them, even when it is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from ephemeral_port_reserve import reserve

PR_SET_PDEATHSIG = 1


def dies_with_parent() -> None:
    """Make the kernel end this child with its parent; for use as `preexec_fn`.

    The end of the thread that started the child counts, so start children from one that lasts.
    https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
    """
    # Ctrl-C in the terminal is the parent's business: it stops its children in its own order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1:  # the parent ended before we could ask
            os._exit(1)


def free_port() -> int:
    """Return a port on loopback that is kept for the server that is about to bind it.

    The kernel gives it to no one else for a minute: a bare bind and close would.
    """
    return int(reserve("127.0.0.1"))
