"""Checks of what the registry no longer has: deleted records, and keys that it leaves out."""

from __future__ import annotations

import json
from collections.abc import Callable

from registry_sync import runs
from registry_sync.benchling.schema import parse_schema
from registry_sync.core.text import number_of
from registry_sync.mapping.model import Mapping
from registry_sync.mapping.tombstones import says_deleted, tombstone_path
from registry_sync.models import Lane, LedgerEntry
from registry_sync.monitoring.doctor.check_result import CheckResult, Skipped, ok, register, warning
from registry_sync.monitoring.doctor.visit import RegistryVisit
from registry_sync.sync.setup import mapping_of, read_schema
from registry_sync.sync.withdrawals.policy import archives

LOSS_CHECKS: dict[str, Callable[[RegistryVisit], CheckResult]] = {}
CLEAR = json.dumps({"endpoint": {"absent": "clear"}})


@register(LOSS_CHECKS, "Deleted records")
def check_deleted(visit: RegistryVisit) -> CheckResult:
    """Look for records that say that they are deleted, and for a policy that nothing meets."""
    sample, mapping = visit.sample(), _mapping(visit)
    connector = visit.tenant.configured()[1]
    deletes = connector.deletes
    if deletes.mode == "flag":
        flagged = sum(1 for record in sample.records if deletes.flagged(record))
        number = f"{flagged:,} of {number_of(len(sample.records), 'record')}"
        return ok(f"By endpoint.deletes, {number} checked have left the registry.")
    marked = [record for record in sample.records if says_deleted(record, mapping)]
    hint = ""
    if marked:
        ids = [str(sample.source.identify(record)) for record in marked[:3]]
        ids += ["…"] if len(marked) > 3 else []
        hint = f"{number_of(len(marked), 'record')} ({', '.join(ids)}) say at "
        hint += f"“{tombstone_path(marked[0])}” that they are deleted."
    if deletes.mode == "none" and not connector.scope and any(map(archives, _lanes(visit))):
        text = "The lane's policy archives what left the registry, but endpoint.deletes and scope "
        return warning(
            f"{text}are not set, so nothing is archived. {hint}".rstrip(),
            "The integration owner must set endpoint.deletes or scope in Connector Settings, or "
            "the policy to report only.",
        )
    if not marked:
        return ok("No record says that it is deleted.")
    return warning(
        hint,
        "Runs report them as withdrawn and clear nothing. A Benchling admin archives their "
        "entities if they should be. If the mark means something else, the integration owner "
        "maps it to a field.",
    )


@register(LOSS_CHECKS, "Keys left out")
def check_left_out(visit: RegistryVisit) -> CheckResult:
    """Find mapped paths that known records had, and that the registry leaves out now."""
    sample, mapping = visit.sample(), _mapping(visit)
    open_ = [mapped for mapped in mapping.fields if mapped.path and not mapped.absent]
    records = {sample.source.identify(record): record for record in sample.records}
    rows = LedgerEntry.objects.filter(
        lane__in=_lanes(visit),
        external_id__in=[external_id for external_id in records if external_id][:500],
    ).exclude(entity_hash="")
    for entry in rows:
        for mapped in open_:
            if mapped.is_held(entry.fields or {}) and mapped.is_missing(records[entry.external_id]):
                return warning(
                    f"“{mapped.path}” (for “{mapped.field.name}”) had a value and is now missing "
                    f"from {entry.external_id}: Benchling keeps the old one.",
                    "If the registry leaves out empty keys, the integration owner must set "
                    f"{CLEAR} in Connector Settings; if the path is wrong, correct it in Field "
                    "Configurations.",
                )
    return ok("Records that were synced have all the keys that they had.")


def _lanes(visit: RegistryVisit) -> list[Lane]:
    """Return the lane that the visit is about; of an only one, whatever its schema is by now."""
    config, _ = visit.tenant.configured()
    lanes = runs.current_lanes()
    return [lane for lane in lanes if len(lanes) == 1 or lane.schema_id == config.schema_id]


def _mapping(visit: RegistryVisit) -> Mapping:
    """Return the configured mapping. Raise Skipped."""
    config, connector = visit.tenant.configured()
    if not visit.tenant.complete:
        raise Skipped("the app's configuration is not complete")
    schema = parse_schema(*read_schema(visit.tenant.client, config, config.mapped_ids))
    return mapping_of(config, connector, schema)
