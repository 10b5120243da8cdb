"""Only one of several processes works, on either database: PostgreSQL's lock, or a file's."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from registry_sync.jobs.sole_holder import SoleHolder
from tests.support.deployment import kill, until


class Process:
    """A thread with a connection of its own stands in for a process."""

    def __init__(self, name: str = "a kind of work") -> None:
        self.holder, self._thread = SoleHolder(name), ThreadPoolExecutor(1)
        self._is_ended = False

    def do(self, work: Callable[[], Any]) -> Any:
        return self._thread.submit(work).result(60)

    def holds(self) -> bool:
        return self.do(self.holder.holds)

    def end(self) -> None:
        """End as a process that is killed: whatever is open is closed, and nothing given back."""
        if self._is_ended:
            return
        self._is_ended = True
        if self.holder._file is not None:
            self.holder._file.close()
        self.do(lambda: connection.close())  # this thread's
        self._thread.shutdown()


@pytest.fixture
def processes(db: None) -> Iterator[Callable[..., Process]]:
    made: list[Process] = []

    def make(*name: str) -> Process:
        made.append(Process(*name))
        return made[-1]

    yield make
    for process in made:
        process.end()


def test_one_at_a_time_holds_until_it_gives_back_or_ends(processes) -> None:
    first, second, other = processes(), processes(), processes("another kind")
    assert [first.holds(), first.holds(), second.holds(), other.holds()] == [
        True, True, False, True,
    ]  # fmt: skip
    first.do(first.holder.release)
    assert [second.holds(), first.holds()] == [True, False]
    first.do(first.holder.release)  # what it does not hold
    assert not first.holds()
    second.end()
    until(first.holds, seconds=30, what="the lock of the one that has ended")


@pytest.mark.postgres
def test_who_lost_the_connection_does_not_hold_and_says_why(processes) -> None:
    first, second = processes(), processes()
    assert first.holds(), first.holder.trouble
    lost = first.holder._session
    second.do(lambda: connection.cursor().execute("SELECT pg_terminate_backend(%s)", [lost]))
    until(second.holds, seconds=30, what="PostgreSQL to take the lock from the lost session")
    assert not first.holds() and first.holder.trouble
    assert not first.holds() and not first.holder.trouble, "it asks again, and another one has it"
    first.do(first.holder.release)
    assert second.holds()


@pytest.mark.postgres
def test_what_is_given_back_over_a_lost_connection_is_free(processes) -> None:
    first, second = processes(), processes()
    assert first.holds(), first.holder.trouble
    first.do(lambda: connection.connection.close())
    first.do(first.holder.release)
    until(second.holds, seconds=30, what="the lock")


@pytest.mark.slow
def test_one_of_two_works_and_the_other_takes_its_place(deploy) -> None:
    deployment = deploy(3)
    first = deployment.start("scheduler", "--every", "2s", log="first")
    until(lambda: "The sync ended: succeeded" in deployment.log("first"), seconds=60, what="a sync")
    second = deployment.start("scheduler", "--every", "2s", log="second")
    waits = "Another scheduler of this lane is running"
    until(lambda: waits in deployment.log("second"), seconds=30, what="the second to wait")
    assert "The next sync" not in deployment.log("second")
    kill(first)
    until(lambda: "The next sync" in deployment.log("second"), seconds=40, what="its turn")
    second.send_signal(signal.SIGTERM)
    assert second.wait(60) == 0
    assert "The scheduler has stopped." in deployment.log("second")
    assert deployment.sync()[0] == 0  # it takes over what was killed or stopped in the middle
    assert set(deployment.statuses()) == {"SUCCEEDED"}
