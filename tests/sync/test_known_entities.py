"""The look at everything in Benchling: by id, many requests at once, some left to people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from registry_sync.core.waits import REQUEST_LIMIT
from registry_sync.models import Drift, Lane, SyncRun
from registry_sync.sync import drift, known_entities
from sandbox.tenant.entities import edit_by_hand
from sandbox.tenant.limits import Limits
from tests.support.registry import compound

pytestmark = pytest.mark.once
Status, Kind = SyncRun.Status, SyncRun.Kind


@pytest.fixture
def synced(world: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Sync compounds, and let the next full run look at all of them by id, twenty at a time."""
    monkeypatch.setattr(drift, "LISTED", 0)
    monkeypatch.setattr(known_entities, "TOGETHER", 2)
    monkeypatch.setattr(known_entities, "PAGE", 10)

    def make(count: int, **more: Any) -> Any:
        w = world([compound(n) for n in range(count)], **more)
        w.sync()
        Lane.objects.update(looked_at=None)
        return w

    return make


def drifted() -> set[tuple[str, str]]:
    return set(Drift.objects.filter(closed_at=None).values_list("external_id", "field_id"))


@pytest.mark.invariant(13)
def test_every_edit_is_found(synced: Callable[..., Any]) -> None:
    w = synced(45)
    approval = w.tenant.field_id(w.schema, "Approval")
    for number, change in (
        (3, {"Approval": 7}),
        (17, {"name": "Mine"}),
        (44, {"archived": "Other"}),
    ):
        edit_by_hand(w.tenant, w.tenant.entity(f"C-{number:06d}"), **change)
    assert w.sync(kind=Kind.FULL).status == Status.COMPLETED_WITH_WARNINGS
    assert drifted() == {("C-000003", approval), ("C-000017", "name"), ("C-000044", "archived")}
    assert w.written() == 45 and Lane.objects.get().looked_at is not None


def test_an_entity_registered_anew_is_found_by_its_registry_id(synced: Callable[..., Any]) -> None:
    w = synced(12)
    entity = w.tenant.entity("C-000005")
    old = entity.id
    entity.id = w.tenant.new_id("bfi")
    w.tenant.entities[entity.id] = w.tenant.entities.pop(old)
    w.tenant.by_registry_id[entity.registry_id, "C-000005"] = entity.id
    edit_by_hand(w.tenant, entity, Approval=7)
    w.sync(kind=Kind.FULL)
    assert {external_id for external_id, _ in drifted()} == {"C-000005"}


def test_a_slice_goes_on_where_the_last_one_ended(
    synced: Callable[..., Any], settings: Any
) -> None:
    w = synced(45)
    settings.SLICE_SECONDS = 0
    edit_by_hand(w.tenant, w.tenant.entity("C-000040"), Approval=7)
    w.sync(kind=Kind.FULL)
    assert {external_id for external_id, _ in drifted()} == {"C-000040"}


def test_a_fifth_of_the_requests_is_left_to_people(
    synced: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[int] = []
    take = Limits.take_request
    monkeypatch.setattr(known_entities, "TOGETHER", 10)
    monkeypatch.setattr(known_entities, "PAGE", 1)

    def taken(self: Limits) -> Any:
        allowed, headers = take(self)
        left.append(int(headers["x-rate-limit-remaining"]))
        return allowed, headers

    w = synced(120, rate_limit=0)
    w.tenant.switches.rate_limit, w.tenant.switches.rate_window = 100, 30.0
    monkeypatch.setattr(Limits, "take_request", taken)
    waits: list[str] = []

    def pause(self: known_entities.KnownEntities, seconds: float, reason: str) -> None:
        waits.append(reason)
        w.tenant.clock.advance(30)

    monkeypatch.setattr(known_entities.KnownEntities, "_pause", pause)
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED
    assert w.tenant.counters["rate_429"] == 0
    # Each thread may have one more on its way, and the run one of its own.
    assert set(waits) == {REQUEST_LIMIT} and min(left[:120]) >= 15, left
