"""Mapped paths that records had and no longer have, which leaves the old values in Benchling."""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync import runs
from registry_sync.mapping.empty_hints import for_field_alone
from registry_sync.mapping.model import Entity, FieldMapping
from registry_sync.models import Allowance, LedgerEntry
from registry_sync.sync.context import RunContext

FACT = "vanished"
"""The lane's fact: which paths were reported, each with its field."""


def report_vanished(ctx: RunContext, entities: Sequence[Entity]) -> None:
    """Warn of each path that known records had, once a lane; a dry run warns each time.

    Nothing is said about fields for which `absent` is set. Raise LeaseLost.
    """
    reported = [] if ctx.run.dry_run else list(ctx.lane.source_state.get(FACT, []))
    open_ = [
        mapped
        for mapped in ctx.setup.mapping.fields
        if mapped.path and not mapped.absent and _key(mapped) not in reported
    ]
    lacking = {e.external_id: e for e in entities if any(m.field.id not in e.fields for m in open_)}
    if not lacking:
        return
    rows = LedgerEntry.objects.filter(lane=ctx.lane, external_id__among=list(lacking))
    fields_by_id = dict(rows.exclude(entity_hash="").values_list("external_id", "fields"))
    for mapped in open_:
        field_id = mapped.field.id
        ids = [
            external_id
            for external_id, entity in lacking.items()
            if field_id not in entity.fields and mapped.is_held(fields_by_id.get(external_id, {}))
        ]
        if not ids:
            continue
        if not _is_decided(ctx):
            runs.warn(ctx.run, ctx.lease, f"path_vanished:{mapped.path}", _text(mapped, ids))
        reported.append(_key(mapped))
    if not ctx.run.dry_run:
        runs.learn_source_facts(ctx.lane, ctx.lease, **{FACT: reported or None})


def _is_decided(ctx: RunContext) -> bool:
    """Return whether someone overrode the guard of lost paths for this run."""
    overrides = Allowance.objects.filter(lane=ctx.lane, what=Allowance.What.PATH_GONE)
    return overrides.filter(used_by=ctx.run).exists()


def _key(mapped: FieldMapping) -> str:
    return f"{mapped.field.id} {mapped.path}"


def _text(mapped: FieldMapping, ids: Sequence[str]) -> str:
    named = ", ".join(ids[:3]) + (" …" if len(ids) > 3 else "")
    or_alone = for_field_alone(mapped.field, absent="clear")
    return (
        f"“{mapped.path}” (for “{mapped.field.name}”) had values and is now missing from {named}; "
        "Benchling keeps the old ones. If the registry leaves out empty keys, the integration "
        'owner sets {"endpoint": {"absent": "clear"}} in Connector Settings'
        f'{or_alone}. To keep such values, set "keep". This is reported once.'
    )
