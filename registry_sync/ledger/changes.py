"""Write Change rows: one for each value written, in a link of the lane's chain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from registry_sync.ledger import chain, change_rows
from registry_sync.ledger.change_rows import EntityChanges
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.mapping.model import Entity
from registry_sync.mapping.values import same_value
from registry_sync.models import ChainLink, Change, Lane, LedgerEntry, Merge, SyncRun, Withdrawal


class Writing:
    """The changes that one transaction writes for a run. They become one link, if there are any."""

    def __init__(self, run: SyncRun, lane: Lane) -> None:
        self.run, self.lane = run, lane
        self._link: chain.Link | None = None
        self._last = b""
        self._began = (run.created, run.updated)

    def write(self, written: Sequence[RecordOutcome], before: dict[str, LedgerEntry]) -> None:
        """Write one row for each value that Benchling now has and did not have before."""
        names: dict[str, str] = self.run.mapping.get("field_names", {})
        found = []
        for result in written:
            assert result.entity is not None
            old = before.get(result.external_id)
            entity_id = result.entity_id or (old.entity_id if old else "")
            sources = result.entity.sources
            changed = differences(old, result.entity) if old else _all_of(result.entity)
            values = [
                (field_id, names.get(field_id, field_id), was, now, sources.get(field_id))
                for field_id, was, now in changed
            ]
            identity = (result.external_id, entity_id, old is None, result.modified_at)
            found.append(EntityChanges(*identity, values))
        self.add(found)

    def add(self, entities: Iterable[EntityChanges]) -> None:
        """Write the values of some entities."""
        entities = [entity for entity in entities if entity.values]
        if not entities:
            return
        link = self._open()
        self._last = change_rows.insert(entities, link, self._last or link.start())
        link.row.rows += sum(len(entity.values) for entity in entities)

    def close(self) -> None:
        """End the link, with what the run's counts will grow by in this transaction."""
        if self._link is None and self._began == (self.run.created, self.run.updated):
            return
        self.reconcile()

    def reconcile(self) -> None:
        """End the link even if this transaction counted nothing, as at the end of a run."""
        stored = chain.changes_counted(self.run.pk)
        created, updated = self.run.created - stored[0], self.run.updated - stored[1]
        if self._link is None and not created and not updated:
            return
        link = self._open()
        link.row.created, link.row.updated = created, updated
        link.row.rows_digest = self._last.hex()
        link.close()

    def _open(self) -> chain.Link:
        if self._link is None:
            self._link = chain.Link(self.lane, self.run, ChainLink.Form.WRITTEN)
        return self._link


def record_put_back(
    cleared_by: SyncRun, run: SyncRun, row: LedgerEntry, values: Sequence[tuple[str, str, Any]]
) -> None:
    """Write the changes of unmapped values that an update cleared and `run` put back.

    `values` are (field id, field name, value). The caller holds a transaction under its lease.
    """
    for by, back in ((cleared_by, False), (run, True)):
        found: list[tuple[str, str, Any, Any, Any]] = [
            (field_id, field, None if back else value, value if back else None, [])
            for field_id, field, value in values
        ]
        writing = Writing(by, row.lane)
        writing.add([EntityChanges(row.external_id, row.entity_id, False, row.modified_at, found)])
        writing.close()


def record_archiving(
    run: SyncRun,
    lane: Lane,
    rows: Sequence[tuple[Withdrawal, str | None, str | None]],
    kind: Change.Kind,
) -> None:
    """Write one change for each entity that was archived, unarchived or merged.

    `rows` are (withdrawal, archive reason before, after). The caller holds a transaction under its
    lease.
    """
    writing = Writing(run, lane)
    writing.add(
        EntityChanges(
            row.external_id,
            row.entity_id,
            False,
            None,
            [("archived", "archived", before, after, [])],
            kind,
        )
        for row, before, after in rows
    )
    writing.close()


def record_merge(run: SyncRun, merge: Merge) -> None:
    """Write the change of an entity that follows another one, into which people merged it.

    The caller holds a transaction under its lease.
    """
    old, new = merge.entity_registry_id, merge.survivor_registry_id
    values: list[tuple[str, str, Any, Any, Any]] = [("registry id", "registry id", old, new, [])]
    writing = Writing(run, merge.lane)
    identity = (merge.external_id, merge.entity_id, False, None)
    writing.add([EntityChanges(*identity, values, Change.Kind.MERGED)])
    writing.close()


def seal_run(run: SyncRun, lane: Lane) -> None:
    """Let the chain hold all that a run counted, under a signed head.

    The caller holds a transaction under its lease, and stores the run's counts in it.
    """
    if not run.dry_run:
        Writing(run, lane).reconcile()
        chain.sign_head(lane)


def _all_of(entity: Entity) -> list[tuple[str, None, object]]:
    """Return what a new entity has, as `differences` does: most of a first load."""
    values: list[tuple[str, None, object]] = [
        ("registry id", None, entity.registry_id),
        ("name", None, entity.name),
    ]
    values += [
        (field_id, None, value)
        for field_id, value in entity.fields.items()
        if value is not None and value != []
    ]
    return values


def differences(old: LedgerEntry | None, entity: Entity) -> Iterable[tuple[str, object, object]]:
    """Return what would change, as (field id, value before, value after)."""
    if old is None or old.entity_registry_id != entity.registry_id:
        yield "registry id", old.entity_registry_id if old else None, entity.registry_id
    if old is None or old.name != entity.name:
        yield "name", old.name if old else None, entity.name
    was = old.fields if old else {}
    for field_id, value in entity.fields.items():
        if (old is None and value not in (None, [])) or (
            old is not None
            and (field_id not in was or not same_value(field_id, was[field_id], value))
        ):
            yield field_id, was.get(field_id), value
