"""Records that the registry marks as deleted: reported, and never cleared in Benchling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from registry_sync import runs
from registry_sync.core.text import first_ids
from registry_sync.ledger.lookup import LedgerView
from registry_sync.mapping.model import Mapping, Transformed
from registry_sync.mapping.tombstones import says_deleted
from registry_sync.mapping.transform import transform
from registry_sync.sync.context import RunContext
from registry_sync.sync.records import Compared, SourceRecord


def transformed(
    record: SourceRecord, before: LedgerView | None, mapping: Mapping, out: Compared
) -> Transformed:
    """Return what a record becomes. A record that says it is deleted clears nothing."""
    done = transform(record.raw, record.external_id, mapping)
    in_benchling = before is not None and before.entity_hash
    if not in_benchling or done.entity is None or not says_deleted(record.raw, mapping):
        return done
    out.marked.append(record.external_id)
    filled = {key: value for key, value in done.entity.fields.items() if value not in (None, [])}
    return replace(done, entity=replace(done.entity, fields=filled))


def warn_of_marked(ctx: RunContext, external_ids: Sequence[str]) -> None:
    """Warn of entities whose records say that they are deleted, once a run. Raise LeaseLost."""
    if external_ids:
        runs.warn(
            ctx.run,
            ctx.lease,
            "marked_deleted",
            f"{first_ids(external_ids)} changed, and the registry marks the record as deleted. Its "
            "values were synced, but none was cleared. A Benchling admin archives the entity "
            "if it should be. If the mark means something else, the integration owner maps "
            "it to a field.",
        )
