"""Records whose entity is archived in Benchling: who archived it, and undo this app's archives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.problems import SyncError
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.desk import withdrawals
from registry_sync.desk.cures.base import CureCase, record_cell
from registry_sync.desk.cures.press import (
    CannotCure,
    CureOrder,
    CureRow,
    Done,
    Group,
    Press,
    Prospect,
)
from registry_sync.desk.times import time_html
from registry_sync.models import Adoption, Lane, LedgerEntry, SyncRun, Withdrawal
from registry_sync.sync import change_authors
from registry_sync.sync.clients import hasty_client
from registry_sync.sync.withdrawals.archivable import reason_of

MOST = 100
ASKED = 5
"""Entities whose audit logs are read for one page: Benchling allows few."""
PATIENCE = 20.0
COLUMNS = ("Record", "Entity in Benchling", "Archived as", "When", "By")
OURS = (
    "A run unarchives these entities if nothing changed about them since this app archived them. "
    "Their records are then written again."
)
THEIRS = (
    "Someone archived these in Benchling. This app unarchives only what it archived. A Benchling "
    "admin unarchives an entity, or the registry's owner withdraws its record."
)


class Unarchive(Press):
    """Show what is archived and by whom, and unarchive what this app archived."""

    name, label = "unarchive", "Unarchive"
    permissions = ("registry_sync.change_lane", "registry_sync.add_syncrun")
    codes = ("archived",)

    def label_for(self, case: CureCase) -> str:
        """Return what can be done: undo, or see who did it."""
        return self.label if _own_archives(case).exists() else "See who archived it"

    def prospect(self, case: CureCase) -> Prospect:
        """Return the archived entities, this app's own with ticks."""
        ids = list(case.errors().values_list("external_id", flat=True)[:MOST])
        archives = list(_own_archives(case)[:MOST])
        own = {row.external_id for row in archives}
        groups = []
        if archives:
            rows = tuple(_own_row(row) for row in archives)
            groups.append(Group("Archived by this app", COLUMNS, rows, OURS))
        if others := [id_ for id_ in ids if id_ not in own]:
            rows = tuple(_rows(case.lane, others))
            groups.append(Group("Archived by someone else", COLUMNS, rows, THEIRS, fixed=True))
        if not groups:
            return Prospect("No record waits for an archived entity.")
        return Prospect("", groups=groups, presses={"undo": self.label} if archives else {})

    def do(self, case: CureCase, order: CureOrder) -> Done:
        """Let the next run unarchive the chosen entities, and write their records."""
        chosen = _own_archives(case).filter(pk__in=order.keys())
        rows = withdrawals.undo(chosen, by=order.by, reason=order.reason)
        if not rows:
            raise CannotCure("Tick at least one entity that this app archived. Nothing was done.")
        summary = f"{number_of(len(rows), 'entity', 'entities')} will be unarchived."
        ids = [row.external_id for row in rows]
        return Done(summary, sentences=[summary], noted=rows, check=ids, kind=SyncRun.Kind.RETRY)


def _own_archives(case: CureCase) -> QuerySet[Withdrawal]:
    """Return this app's archives of the records that wait."""
    ids = case.errors().values("external_id")
    return withdrawals.open_withdrawals([case.lane]).filter(
        state__in=withdrawals.UNDOABLE, external_id__in=ids
    )


def _own_row(row: Withdrawal) -> CureRow:
    entity = _entity(row.external_id, row.lane, f"{row.entity_registry_id} “{row.name}”")
    when = time_html(row.archived_at) or "–"
    run = f"run {row.archive_run_id}" if row.archive_run_id else "this app"
    record = record_cell(row.external_id, row.lane)
    return CureRow(str(row.pk), (record, entity, row.reason, when, run))


def _rows(lane: Lane, ids: Sequence[str]) -> Iterable[CureRow]:
    """Yield what Benchling has of the entities of some records, and who archived the first ones."""
    client = hasty_client(PATIENCE)
    client.entity_type = lane.entity_type
    entity_ids = _entity_ids(lane, ids)
    try:
        found = {str(raw["id"]): raw for raw in client.entities_by_id([*entity_ids.values()])}
    except (Refused, SyncError, Wait):
        found = {}
    for number, external_id in enumerate(ids):
        record = record_cell(external_id, lane)
        raw = found.get(entity_ids.get(external_id, ""))
        if raw is None:
            yield CureRow(external_id, (record, "not visible to this app", "–", "–", "not known"))
            continue
        named = f"{raw.get('entityRegistryId') or raw['id']} “{raw.get('name')}”"
        when, who = _who(client, lane, raw) if number < ASKED else ("–", "not asked")
        cells = (record, _entity(external_id, lane, named), reason_of(raw) or "–", when, who)
        yield CureRow(external_id, cells)


def _entity_ids(lane: Lane, ids: Sequence[str]) -> dict[str, str]:
    """Return the Benchling ids of the archived entities that records wait for, by external id."""
    met = Adoption.objects.filter(
        lane=lane, external_id__among=ids, how=Adoption.How.ARCHIVED, state=Adoption.State.OPEN
    )
    entries = LedgerEntry.objects.filter(lane=lane, external_id__among=ids).exclude(entity_id="")
    found = dict(met.values_list("external_id", "entity_id"))
    return found | dict(entries.values_list("external_id", "entity_id"))


def _entity(external_id: str, lane: Lane, text: str) -> SafeString:
    """Return a link to an entity's own page in Benchling, for what the ledger has."""
    if not LedgerEntry.objects.filter(lane=lane, external_id=external_id).exclude(entity_id=""):
        return format_html("{}", text)
    query = urlencode({"id": external_id, "lane": lane.pk})
    address = f"{reverse('admin:registry_sync_record_open')}?{query}"
    return format_html('<a href="{}">{}</a>', address, text)


def _who(client: Client, lane: Lane, raw: Json) -> tuple[str, str]:
    """Return when and by whom an entity was archived, by Benchling's audit log."""
    modified = parse_datetime(str(raw.get("modifiedAt") or ""))
    try:
        log = change_authors.fetch_authors(client, lane, str(raw["id"]), modified)
    except Wait:
        return time_html(modified) or "–", "not known: Benchling did not answer in time"
    for row in log.rows:
        if "archiv" in str(row.get("action", "")).lower():
            return time_html(parse_datetime(row["at"])) or "–", str(row["user"])
    return time_html(modified) or "–", "not known"
