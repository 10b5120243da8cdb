"""The process that forks the commands, workers and web servers that tests start.

It has loaded Django and the packages, and neither settings nor a model. A test's process is forked
of it with its own arguments, environment and streams, and then runs the file or module that was
named, settings first. It saves what each start costs most: half a second to load packages, and
a tenth to take them apart at the end.

What is started often in one environment, as by a deployment, is forked of another process that was
itself forked of this one: it has that environment, and has read its settings and loaded the models
and the pages. That is most of what is left of a start: a quarter of a second.

`tests.support.starting` starts this and asks it.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import socket
import sys
import time
from contextlib import redirect_stderr
from io import TextIOWrapper
from typing import Any, TextIO

from sandbox.children import dies_with_parent

PACKAGES = (
    "croniter", "dateutil.parser", "dj_database_url", "dj_email_url", "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread", "httpx", "jwcrypto.jwk", "msgspec", "psycopg", "redis",
    "prometheus_client.openmetrics.exposition", "rq.worker", "whitenoise.middleware", "yaml",
    "benchling_sdk.benchling", "django.contrib.admin", "django.contrib.staticfiles",
    "django.core.management.commands.runserver", "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base", "django.test.signals",
)  # fmt: skip
ROOMS = ("registry_sync.mapping.compile", "registry_sync.source.client",
         "registry_sync.benchling.client", "registry_sync.benchling.bulk_upsert")  # fmt: skip
"""Of the rooms that know nothing of Django."""
WITH_SETTINGS = (
    "integration.urls", "registry_sync.management.commands.rqworker",
    "registry_sync.management.commands.sync_registry",
)  # fmt: skip
"""What a deployment's processes load; the URLs load the pages, and workers preload their jobs."""
LARGEST = 200_000
"""Bytes of one request, most of them the environment's."""
KEPT = 2
"""Environments whose processes are kept: a test has one, and may change it."""


def load() -> None:
    """Import what has no settings; raise RuntimeError if something read them or made a thread."""
    gc.disable()
    for name in (*PACKAGES, *ROOMS):
        importlib.import_module(name)
    from django.conf import settings

    if settings.configured:
        raise RuntimeError("A process that is forked for any environment must have no settings.")
    keep()


def keep() -> None:
    """Look for garbage from now on; raise RuntimeError if something made a thread."""
    if len(os.listdir("/proc/self/task")) != 1:
        raise RuntimeError("A process that is forked must have no threads.")
    gc.freeze()
    gc.enable()


def serve(channel: socket.socket) -> list[str]:
    """Fork for each request; return the words to run in the process that was forked, else none."""
    prepared: dict[str, Prepared] = {}
    while True:
        request, streams, *_ = socket.recv_fds(channel, LARGEST, 3)
        if not request:  # the tests have ended
            return []
        asked = json.loads(request)
        answer = b""
        if asked["often"]:
            env = json.dumps(asked["env"])
            if env not in prepared:
                one = Prepared()
                if not one.pid:
                    close(*streams, channel, *(other.channel for other in prepared.values()))
                    prepare(asked["env"])
                    return serve(one.channel)
                prepared[env] = one
                if len(prepared) > KEPT:
                    prepared.pop(next(iter(prepared))).end()
            answer = prepared[env].fork({**asked, "often": False}, streams)
        if answer:
            channel.send(answer)
        elif between := os.fork():
            os.waitpid(between, 0)
        else:
            between = os.getpid()
            if os.fork():
                os._exit(0)
            close(*(other.channel for other in prepared.values()))
            return become(asked, streams, channel, between)
        close(*streams)


class Prepared:
    """A fork of this process that becomes a server itself, with the settings of an environment.

    In the fork, `pid` is 0.
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        self.channel, other = (ours, theirs) if self.pid else (theirs, ours)
        other.close()
        if self.pid:
            self.channel.settimeout(100)  # a child may die before it tells its pid

    def fork(self, asked: dict[str, Any], streams: list[int]) -> bytes:
        """Return the pid of a new child as digits; none if the settings cannot be used."""
        try:
            socket.send_fds(self.channel, [json.dumps(asked).encode()], streams)
            return self.channel.recv(100)
        except OSError:
            return b""

    def end(self) -> None:
        self.channel.close()
        os.waitpid(self.pid, 0)


def prepare(env: dict[str, str]) -> None:
    """Read the settings of an environment and load what its processes use.

    End if that fails: what is started then does so by itself, and says why.
    """
    os.environ.clear()
    os.environ |= env
    gc.disable()
    try:
        with open(os.devnull, "w") as silent, redirect_stderr(silent):
            import django

            django.setup()  # each start does it again, and then only sets up what is logged where
            for name in WITH_SETTINGS:
                importlib.import_module(name)
            importlib.import_module("registry_sync.jobs.worker").preload()
    except BaseException:
        os._exit(1)
    keep()


def close(*files: int | socket.socket) -> None:
    """Close what a process was forked with and does not use."""
    for file in files:
        os.close(file) if isinstance(file, int) else file.close()


def become(asked: Any, streams: list[int], channel: socket.socket, between: int) -> list[str]:
    """Take on what the new process was given, and tell its pid; return its words."""
    os.setsid()
    while os.getppid() == between:  # until then it is no child of the tests
        time.sleep(0.001)
    dies_with_parent()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        setattr(sys, name, stream_of(number, getattr(sys, name)))
    os.environ.clear()
    os.environ |= asked["env"]
    channel.send(str(os.getpid()).encode())
    channel.close()
    return list(asked["words"])


def stream_of(number: int, like: TextIO) -> TextIO:
    """Open a standard stream as the interpreter does, which asks what is behind it."""
    direct = bool(getattr(like, "write_through", False))  # by PYTHONUNBUFFERED
    binary = open(number, f"{like.mode}b", 0 if direct else -1, closefd=False)  # noqa: SIM115
    by_line = not direct and (number == 2 or binary.isatty())
    ends = None if number == 0 else "\n"
    return TextIOWrapper(binary, like.encoding, like.errors, ends, by_line, direct)


class End:
    """Ends the process as the interpreter does, but for taking all modules apart."""

    status = 0

    def __init__(self) -> None:
        atexit.register(self)  # the first that is registered is called last

    def __call__(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.status)

    def run(self, words: list[str]) -> None:
        """Run `-m module`, `-c code` or a file, as `python` does with these words."""
        how, what = words[0], words[1]
        sys.argv = words if how.endswith(".py") else [how, *words[2:]]
        try:
            if how == "-m":
                runpy.run_module(what, run_name="__main__", alter_sys=True)
            elif how == "-c":
                exec(what, {"__name__": "__main__"})
            else:
                runpy.run_path(how, run_name="__main__")
        except SystemExit as end:
            self.status = end.code if isinstance(end.code, int) else int(end.code is not None)
            raise
        except BaseException:
            self.status = 1
            raise


if __name__ == "__main__":
    end = End()
    load()
    if words := serve(socket.socket(fileno=int(sys.argv[1]))):
        end.run(words)
