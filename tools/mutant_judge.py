"""The pytest plugin of tools/mutants.py: it traces the tests, or judges mutants by them.

For each mutant the process forks. The child replaces the code of the functions that differ, then
runs the tests until one fails. So modules, settings and the database are prepared once.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from coverage import Coverage

WORK = Path(os.environ["MUTANTS"])
ORDER: dict[str, Any] = json.loads((WORK / "order.json").read_text())


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Judge the mutants instead of running the tests; a trace runs them as always."""
    if ORDER["mode"] == "trace":
        return None
    Judge(session).work()
    return True


class Trace:
    """Notes which lines each test passes through, and how long it takes."""

    def __init__(self) -> None:
        self.coverage = Coverage(include=ORDER["files"], data_file=None, config_file=False)
        self.seconds: dict[str, float] = {}
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.coverage.switch_context(item.nodeid)
        began = time.monotonic()
        done = yield
        self.seconds[item.nodeid] = time.monotonic() - began
        return done

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        data = self.coverage.get_data()
        lines = {
            file: {line: [test for test in tests if test] for line, tests in by_line.items()}
            for file in data.measured_files()
            if (by_line := data.contexts_by_lineno(file))
        }
        kept = {"lines": lines, "seconds": self.seconds}
        (WORK / "traced.json").write_text(json.dumps(kept))


def pytest_configure(config: pytest.Config) -> None:
    if ORDER["mode"] == "trace":
        config.pluginmanager.register(Trace())


def codes(code: CodeType) -> Iterator[CodeType]:
    """Yield every function's code in a module's code, except those inside of functions."""
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield const
            if "<locals>" not in const.co_qualname and not const.co_flags & 1:  # a class body
                yield from codes(const)


def functions(path: str) -> list[FunctionType]:
    """Return the functions that are loaded of a module, whoever holds them."""
    # Not isinstance: it asks lazy objects for their class, which sets them up.
    found = [f for f in gc.get_objects() if type(f) is FunctionType]
    found = [f for f in found if f.__code__.co_filename == path]
    return sorted(found, key=lambda f: f.__code__.co_firstlineno)


def apply(path: str, source: str, loaded: Iterable[FunctionType]) -> None:
    """Replace the code of a loaded module's functions by that of another source."""
    made: dict[str, list[CodeType]] = {}
    for code in codes(compile(source, path, "exec")):
        made.setdefault(code.co_qualname, []).append(code)
    for function in loaded:
        same = made.get(function.__code__.co_qualname, ())
        if len(same) == 1 and len(same[0].co_freevars) == len(function.__code__.co_freevars):
            function.__code__ = same[0]


class Judge:
    """Lets the tests judge mutants, several at the same time."""

    def __init__(self, session: pytest.Session) -> None:
        self.session, self.items = session, {item.nodeid: item for item in session.items}
        self.mutants: list[dict[str, Any]] = ORDER["mutants"]
        self.answers = [""] * len(self.mutants)
        self.killers: Counter[str] = Counter()
        self.loaded: dict[str, list[FunctionType]] = {}
        self.running: dict[int, tuple[int, int, float]] = {}
        """By pipe: the mutant's number, its process and when it began."""
        # Only the session stays set up between two tests of one process.
        self.nothing = SimpleNamespace(listchain=lambda: [session])

    def work(self) -> None:
        """Judge all mutants and write down which test killed which."""
        self._prepare()
        self.loaded = {one: functions(one) for one in {mutant["path"] for mutant in self.mutants}}
        gc.freeze()  # what the children share with this process is not looked at again in each
        waiting = [n for n, mutant in enumerate(self.mutants) if mutant["tests"]]
        while waiting or self.running:
            while waiting and len(self.running) < ORDER["jobs"]:
                self._start(waiting.pop(0))
            self._gather()
        (WORK / "answers.json").write_text(json.dumps(self.answers))

    def _prepare(self) -> None:
        """Run two short tests once: they make the database, and what the worlds share."""
        worlds = {name: item for name, item in self.items.items() if "world" in item.fixturenames}
        for some in filter(None, (self.items, worlds)):
            first = min(some, key=lambda test: ORDER["seconds"].get(test, 999.0))
            reports = runtestprotocol(some[first], log=False, nextitem=self.nothing)
            assert not any(report.failed for report in reports), first

    def _start(self, number: int) -> None:
        reader, writer = os.pipe()
        process = os.fork()
        if not process:
            try:
                os.setsid()
                os.close(reader)
                os.write(writer, self._judge(self.mutants[number]).encode()[:4000])
                self.session._setupstate.teardown_exact(None)  # servers that the tests started
            finally:
                os._exit(0)  # whatever happens, this process is not the judge
        os.close(writer)
        self.running[reader] = number, process, time.monotonic()

    def _judge(self, mutant: dict[str, Any]) -> str:
        """Return the test that kills a mutant; "" if none does."""
        apply(mutant["path"], mutant["source"], self.loaded[mutant["path"]])
        # What killed mutants of this module before is likely to kill this one.
        tests = sorted(mutant["tests"], key=lambda test: -self.killers[test])
        for sign in (signal.SIGPROF, signal.SIGALRM):
            signal.signal(sign, lambda *_: os._exit(7))
        for test in tests:
            if test in self.items:
                usual = ORDER["seconds"].get(test, 0)
                # A fault that loops without end is known by its CPU time, on a busy machine too.
                signal.setitimer(signal.ITIMER_PROF, 5 + 5 * usual)
                signal.alarm(int(min(60 + 10 * usual, ORDER["limit"] / 2)))
                reports = runtestprotocol(self.items[test], log=False, nextitem=self.nothing)
                signal.alarm(0)
                signal.setitimer(signal.ITIMER_PROF, 0)
                if any(report.failed for report in reports):
                    return test
        return ""

    def _gather(self) -> None:
        """Wait for a child; one whose time is up has not killed its mutant."""
        ready, _, _ = select.select(list(self.running), [], [], 1.0)
        latest = time.monotonic() - ORDER["limit"]
        late = [reader for reader, (_, _, began) in self.running.items() if began < latest]
        for reader in {*ready, *late}:
            number, process, began = self.running.pop(reader)
            killer = os.read(reader, 4096).decode() if reader in ready else ""
            if reader in late:
                with suppress(ProcessLookupError):
                    os.killpg(process, signal.SIGKILL)
            os.close(reader)
            _, status = os.waitpid(process, 0)
            if os.waitstatus_to_exitcode(status) == 7:
                killer = "a test that did not end"
            self.answers[number] = killer
            self.killers[killer] += bool(killer)
            self._show(number, killer, time.monotonic() - began)

    def _show(self, number: int, killer: str, took: float) -> None:
        mutant = self.mutants[number]
        said = f"killed by {killer}" if killer else "SURVIVED"
        place = f"{mutant['module']}:{mutant['lines'][0]}"
        reporter = self.session.config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line(f"{number + 1}/{len(self.mutants)} {place} {said} ({took:.0f} s)")
