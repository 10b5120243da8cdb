"""What a phase of a run works with, without a tenant and a registry: rows that are rolled back."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

from registry_sync import ledger, runs
from registry_sync.mapping.model import Entity, Mapping
from registry_sync.mapping.transform import transform
from registry_sync.models import Lane, LedgerEntry, SyncRun
from registry_sync.source.connector import Connector
from registry_sync.source.connector_settings import parse_connector
from registry_sync.sync.pacing import Terms
from registry_sync.sync.plans.write_access import ALL_WRITES
from registry_sync.sync.records import SourceRecord
from tests.support.factories import LaneFactory, LedgerEntryFactory, SyncRunFactory
from tests.support.mapping import mapping_of, schema_of

COUNT = itertools.count()
SCHEMA = schema_of({"type": "text"})
MAPPING = mapping_of(SCHEMA)
INCREMENTAL = {
    "endpoint": {
        "params": {"since": "{incremental.start_value}"},
        "incremental": {"cursor_path": "modified_at", "lag": 0},
    }
}


class StandIn(SimpleNamespace):
    """A run's context: what a test names, and the lane's last good run."""

    @property
    def last_good(self) -> SyncRun | None:
        return runs.good_runs(self.lane).exclude(pk=self.run.pk).first()


def connector_of(settings: dict[str, Any]) -> Connector:
    """Return Connector Settings, parsed."""
    return parse_connector(settings, api_url="https://registry.example.com/list")


def context(
    mapping: Mapping = MAPPING,
    /,
    *,
    lane: Lane | None = None,
    client: Any = None,
    terms: Terms | None = None,
    connector: Connector | None = None,
    schema: Any = SCHEMA,
    **values: Any,
) -> Any:
    """Return the context of a running run of a lane, which the `values` describe."""
    lane = lane or LaneFactory(schema_id=schema.id, collection=f"https://r.example/{next(COUNT)}")
    row = SyncRunFactory(lane=lane, **{"status": SyncRun.Status.RUNNING, **values})
    lease = runs.claim(row.pk)
    assert lease is not None
    config = SimpleNamespace(registry_id="src_1", api_key="k", folder_id=None)
    setup = SimpleNamespace(
        mapping=mapping,
        schema=schema,
        config=config,
        connector=connector or connector_of(INCREMENTAL),
        summary=lambda: {"name": mapping.name_path},
    )
    return StandIn(
        run=SyncRun.objects.get(pk=row.pk),
        lease=lease,
        lane=lane,
        setup=setup,
        client=client,
        pacer=SimpleNamespace(pause=_pause),
        terms=terms or Terms("key"),
        write_access=ALL_WRITES,
        passed={},
    )


def _pause(seconds: float, reason: str = "") -> None:
    raise AssertionError(f"{seconds} s were waited {reason}")


def in_ledger(ctx: Any, record: SourceRecord, *, earlier: bool = True, **values: Any) -> Any:
    """Enter a record as it was written, and was seen by an earlier run or by this one."""
    entity = transform(record.raw, record.external_id, ctx.setup.mapping).entity
    assert entity is not None
    columns = {
        "external_id": record.external_id,
        "raw_hash": record.raw_hash,
        "modified_at": record.modified_at,
        "outcome": LedgerEntry.Outcome.UNCHANGED,
        "seen_run_id": ctx.run.pk - earlier,
        "identity": ctx.setup.mapping.identity_of(record.raw),
        **columns_of(entity),
    }
    return LedgerEntryFactory(lane=ctx.lane, **{**columns, **values})


def columns_of(entity: Entity) -> dict[str, Any]:
    """Return the columns of a ledger entry that describe an entity."""
    row = LedgerEntry()
    ledger.describe_entity(row, entity)
    names = ("entity_registry_id", "id_key", "name", "name_key", "fields", "entity_hash")
    return {name: getattr(row, name) for name in names}
