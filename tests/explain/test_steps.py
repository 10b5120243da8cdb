"""One record, step by step, with a run at work, a registry that hangs, and none at all."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.utils import timezone

from registry_sync.benchling.errors import Wait
from registry_sync.explain import in_benchling, walk
from registry_sync.explain.explanation import Explanation, short_sentences
from registry_sync.explain.steps import explain
from registry_sync.models import Lane, SyncRun
from registry_sync.source.client import Source
from tests.support.people import by_hand
from tests.support.registry import compound
from tests.support.worlds import World, looked_up

pytestmark = pytest.mark.once


@pytest.fixture
def synced(world: Any) -> World:
    """A registry with details: four records are in Benchling, and one is refused."""
    records = [*(compound(n) for n in range(4)), compound(4, kind="Rock", password="hunter22")]
    w: World = world(records, config={"Connector Settings": looked_up()})
    w.sync()
    return w


def outcomes(found: Explanation) -> dict[str, str]:
    return {step.name: step.outcome for step in found.steps}


def test_a_run_at_work_holds_up_no_step(synced: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lane, seen = SyncRun.objects.get().lane, list[tuple[str, dict[str, str], float]]()
    assert lane is not None
    ahead = Source.pages_ahead

    def pages(source: Source, *args: Any, **named: Any) -> Any:
        run = SyncRun.objects.latest("pk")
        found = explain(lane, "C-000002")
        seen.append((run.status, outcomes(found), found.seconds))
        return ahead(source, *args, **named)

    monkeypatch.setattr(Source, "pages_ahead", pages)
    synced.registry.edit("C-000002", smiles="OCC")
    assert synced.sync().updated == 1
    (status, came, seconds), *_ = seen
    assert status == "RUNNING" and set(came.values()) == {"ok"} and seconds < 20


def test_a_registry_that_hangs_is_left_in_time_and_the_copy_is_followed(
    synced: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = SyncRun.objects.get().lane
    assert lane is not None
    # A second for the registry, which never answers; for Benchling what a busy machine needs.
    monkeypatch.setattr(walk, "SHARE", 1 / 60)
    over = threading.Event()
    synced.registry.on_detail = lambda external_id: over.wait(60)
    found = explain(lane, "C-000001", limit=60)
    assert found.seconds < 40
    assert outcomes(found) == {
        "connection": "unknown", "record": "skipped", "scope": "skipped", "mapping": "skipped",
        "name, id and links": "skipped", "Benchling": "ok", "writing": "skipped",
    }  # fmt: skip
    assert "not answer" in found.steps[0].text and found.steps[1].text == "Not known yet."

    found = explain(lane, "C-000004", limit=60)
    over.set()
    came = outcomes(found)
    assert (came["connection"], came["record"], came["mapping"]) == (
        "unknown",
        "warning",
        "stopped",
    )
    assert "Rock" in found.steps[3].text and "hunter22" not in str(found.raw)
    # The other fields have their results, though one is refused.
    results = {one.field: one.result for one in found.readings}
    assert (results["name"], results["Approval"], results["Kind"]) == ("Compound 4", 1954, None)


def test_a_canvas_gets_it_in_a_few_sentences_without_secrets(synced: World) -> None:
    lane = SyncRun.objects.get().lane
    assert lane is not None
    synced.registry.edit("C-000002", smiles="OCC")
    assert short_sentences(explain(lane, "C-000002")) == [
        "✓ A run would change 1 value in Benchling.", "SMILES: CCC → OCC",
    ]  # fmt: skip
    assert short_sentences(explain(lane, "C-000001")) == [
        "✓ It is in Benchling as it should be. A run would write nothing."
    ]
    synced.registry.edit("C-000004", kind="hunter22")
    (said,) = short_sentences(explain(lane, "C-000004"))
    assert said.startswith("✕ ") and "Who must act: " in said
    assert "(hidden: a secret)" in said and "hunter22" not in said


def test_what_is_not_in_benchling_as_it_was_written_is_not_said_to_be(
    synced: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = Lane.objects.get()
    by_hand(synced, "C-000001", archived="Retired")
    by_hand(synced, "C-000002", Approval=1)
    assert _writing(lane, "C-000000")[0] == "ok"
    assert _writing(lane, "C-000001") == (
        "stopped", "Nothing would be written: see the step Benchling.",
    )  # fmt: skip
    outcome, text = _writing(lane, "C-000002")
    assert outcome == "warning" and text.endswith("A run would write nothing.")
    lane.drift_policy = Lane.DriftPolicy.RESTORE
    said = short_sentences(explain(lane, "C-000002"))
    assert said[-1].endswith(in_benchling.RESTORES) and "write nothing" not in str(said)

    def late(*args: Any) -> Any:
        raise Wait(timezone.now(), "Benchling")

    monkeypatch.setattr(in_benchling, "_compared", late)
    assert _writing(lane, "C-000000")[0] == "unknown"


def _writing(lane: Lane, external_id: str) -> tuple[str, str]:
    """Give the outcome and the text of the last step, and see that a canvas says it too."""
    found = explain(lane, external_id)
    step = found.steps[-1]
    assert f"{step.mark} {step.text}" in short_sentences(found)
    return step.outcome, step.text


def test_a_record_is_found_in_time_where_the_registry_has_lists_alone(world: Any) -> None:
    """Without `endpoint.detail` the list is read as far as time allows: 2,000 records of it.

    Its time on an idle machine is its CPU time, with the registry's and the tenant's.
    """
    w: World = world([compound(0)])
    w.sync()
    lane = SyncRun.objects.get().lane
    assert lane is not None
    w.registry.records.extend(compound(n) for n in range(1, 2_000))
    began = time.process_time()
    found = explain(lane, "C-001999", limit=60)
    assert set(outcomes(found).values()) == {"ok"} and time.process_time() - began < 12
    record = next(step for step in found.steps if step.name == "record")
    assert "The registry has it" in record.text
