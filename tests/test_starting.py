"""A process that is forked is what a start of Python makes: as seen by itself and by its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from sandbox.children import dies_with_parent
from tests.support import ROOT, starting
from tests.support.database import OPERATOR
from tests.support.starting import Forked, run_python, start_python

pytestmark = [pytest.mark.once, pytest.mark.process]
ENDS = """
import atexit, json, os, random, signal, sys, threading
from django.conf import settings
said = {
    "itself": (os.getpid() == os.getpgrp() == os.getsid(0), os.getppid(), __name__ != "tests"),
    "given": (sys.argv[0], len(sys.argv), os.getcwd(), sys.path[0]),
    "environment": dict(os.environ),
    "streams": [(s.encoding, s.errors, s.line_buffering, s.isatty())
                for s in (sys.stdin, sys.stdout, sys.stderr)],
    "signals": [str(signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)],
    "settings": (settings.SECRET_KEY, settings.BATCH_SIZE, settings.SETTINGS_MODULE),
    "input": sys.stdin.read(),
    "open": len(os.listdir("/proc/self/fd")),
}
print(json.dumps(said, sort_keys=True, indent=1))
atexit.register(print, "at exit")
threading.Timer(0.1, print, ["from a thread"]).start()
"""
SHELL = ("manage.py", "shell", "--no-imports", "-v0", "-c")
ENV = {**os.environ, **OPERATOR, "BATCH_SIZE": "77", "DATABASE_URL": "sqlite://"}


HOW = ("forked", "often", "started")


def start(words: tuple[str, ...], how: str, **streams: int) -> subprocess.Popen[str]:
    if how != "started":
        child = start_python(*words, env=ENV, often=how == "often", text=True, **streams)
        assert isinstance(child, Forked)
        return child
    return subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=ENV, text=True, start_new_session=True,
        preexec_fn=dies_with_parent, **streams,
    )  # fmt: skip


def each(*words: str, given: str = "") -> list[tuple[str, str, int]]:
    """Return what forked processes and a started one say and how they end."""
    ends = []
    for how in HOW:
        with start(words, how, stdin=-1, stdout=-1, stderr=-1) as child:
            ends.append((*child.communicate(given, timeout=300), child.returncode))
    return ends


@pytest.mark.skipif(sys.platform != "linux", reason="There each process is started.")
@pytest.mark.parametrize(
    ("words", "says", "status"),
    [
        ((*SHELL, ENDS), "from a thread\nat exit\n", 0),
        ((*SHELL, "raise SystemExit('why')"), "why\n", 1),
        ((*SHELL, "raise SystemExit(75)"), "", 75),
        ((*SHELL, "1 / 0"), "ZeroDivisionError: division by zero\n", 1),
        ((*SHELL, "import os; os.kill(os.getpid(), 9)"), "", -9),
        (("-m", "gunicorn", "--version"), "gunicorn (version ", 0),
        (("-c", "import sys; print(sys.argv)", "a word"), "['-c', 'a word']", 0),
    ],
    ids=["at its end", "a sentence", "a number", "an error", "a signal", "a module", "code"],
)
def test_it_says_the_same_and_ends_the_same(words, says, status):
    forked, often, started = each(*words, given="typed")
    out, errors, ended = forked
    assert says in out + errors and ended == status and often == forked
    if "Traceback" in errors:  # whose first lines name what called the file
        started = (started[0], errors, started[2])
    assert started == forked


@pytest.mark.skipif(sys.platform != "linux", reason="There each process is started.")
def test_it_is_killed_with_its_group_and_none_is_as_another():
    draw = "import os, random; print(random.random(), flush=True); os.fork(); input()"
    children = [
        start((*SHELL, draw), how, stdin=-1, stdout=-1)
        for how in ("forked", "forked", "often", "often")
    ]
    drawn = {child.stdout.readline() for child in children if child.stdout}
    assert len(drawn) == 4
    for child in children:
        assert child.poll() is None
        os.killpg(child.pid, signal.SIGKILL)
        assert child.wait(60) == -signal.SIGKILL
        assert child.stdout and child.stdout.read() == "", "no one has it open any more"
        child.communicate()


def test_what_an_interpreter_reads_first_takes_a_start():
    streams = {"stdout": -1, "text": True}
    child = start_python("manage.py", "--version", env=ENV | {"PYTHONUTF8": "0"}, **streams)
    with child:
        assert not isinstance(child, Forked)
        assert child.communicate(timeout=300)[0]


@pytest.mark.skipif(sys.platform != "linux", reason="There each process is started.")
def test_it_ends_with_the_process_that_started_it():
    waits = "import time; print('here', flush=True); time.sleep(60); print('outlived it')"
    words = (*SHELL, waits)
    code = f"""
import os, tests
from tests.support.starting import start_python
child = start_python(*{words!r}, env={ENV!r})
os.waitpid(child.pid, 0)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=-1, text=True)
    assert parent.stdout
    assert parent.stdout.readline() == "here\n"
    parent.kill()
    parent.wait(60)
    assert parent.stdout.read() == ""
    parent.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="There each process is started.")
def test_a_late_answer_is_no_other_childs_pid():
    server = object.__new__(starting.ForkServer)
    server._channel, fork_server = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server._channel.settimeout(0)
    server._lock = threading.Lock()
    with fork_server, pytest.raises(BlockingIOError):
        server.fork(("-V",), {}, [0, 1, 2])
    with fork_server, pytest.raises(OSError, match="Bad file descriptor"):
        server.fork(("-V",), {}, [0, 1, 2])


def test_without_what_a_fork_takes_it_is_started(monkeypatch):
    monkeypatch.setattr(starting, "_can_adopt", lambda: False)
    with start_python("-c", "print('started')", env=ENV, stdout=-1, text=True) as child:
        assert not isinstance(child, Forked)
        assert child.communicate(timeout=300)[0] == "started\n"


@pytest.mark.skipif(sys.platform != "linux", reason="There each process is started.")
def test_settings_are_read_once_for_what_is_started_often():
    shown = "from django.conf import settings; print(MODELS, settings.BATCH_SIZE)"
    code = f"import sys; MODELS = 'registry_sync.models' in sys.modules; {shown}"
    said = [run_python("-c", code, env=ENV | {"BATCH_SIZE": size}, often=often).stdout
            for size, often in (("7", True), ("8", True), ("7", True), ("8", False))]  # fmt: skip
    assert said == ["True 7\n", "True 8\n", "True 7\n", "False 8\n"]
    wrong = ENV | {"BATCH_SIZE": "none"}
    ends = [run_python("manage.py", "check", env=wrong, often=often) for often in (True, False)]
    assert ends[0].returncode == ends[1].returncode == 1
    assert "BATCH_SIZE" in ends[0].stderr and ends[0].stderr == ends[1].stderr
