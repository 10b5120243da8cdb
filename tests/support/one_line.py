"""One tenant and one address for many registries: each is forgotten before the next begins."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from registry_sync.models import SyncRun
from registry_sync.sync import pacing
from tests.support.odd import Answerer, OddRegistry
from tests.support.worlds import World, forget

CONFIGURED = ("Connector Settings", "Modified Since Parameter", "Mapping Rules")


class OneLine:
    """The line to a registry that answers by a function, used again by each example."""

    def __init__(self, world: World, odd: OddRegistry) -> None:
        self.world, self.odd = world, odd
        self.url = f"{odd.url}/list"

    def begin(self, answer: Answerer, **config: Any) -> None:
        """Forget the example before, and configure the app for this registry.

        `config` has items of the configuration; those that it leaves out are empty.
        """
        forget()
        tenant = self.world.tenant
        for kept in (tenant.entities, tenant.by_registry_id, tenant.taken, tenant.sessions):
            kept.clear()
        self.odd.asked.clear()
        self.odd.answer = answer
        self.world.configure(**{"API URL": self.url, **dict.fromkeys(CONFIGURED), **config})

    def run(self, **asked: Any) -> SyncRun:
        """Sync once; what was asked for and what the run says is printed."""
        run = self.world.sync(**asked)
        print(f"{told(run)}; asked {[(one.path, one.query) for one in self.odd.asked]}")
        self.odd.asked.clear()
        return run

    def is_green(self, run: SyncRun) -> bool:
        done = run.status == SyncRun.Status.SUCCEEDED
        return done and not run.warnings and not self.world.open_errors()


def told(run: SyncRun) -> str:
    """Return how a run ended, with its own words."""
    codes = [warning["code"] for warning in run.warnings]
    return f"{run.status}, {run.read} read, {run.error_code or codes}: {words_of(run)}"


def words_of(run: SyncRun) -> str:
    """Return the texts of a run's failure and of its warnings."""
    texts = [run.error, run.remedy, *(warning["text"] for warning in run.warnings)]
    return " ".join(filter(None, texts))


@pytest.fixture
def one_line(world: Any, serve: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., OneLine]:
    """Give `make(fields, rows)`; waits for a registry are cut to a hundredth of a second."""
    monkeypatch.setattr(
        pacing.Pacer, "pause", lambda self, seconds, reason="": time.sleep(min(seconds, 0.01))
    )

    def make(fields: list[dict[str, Any]], rows: list[tuple[str, str]]) -> OneLine:
        made = world([], fields=fields, rows=rows, contract="off", rate_limit=0, task_base=0.0)
        return OneLine(made, serve(lambda asked: []))

    return make
