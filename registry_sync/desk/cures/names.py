"""Let names hold the id: a draft of the mapping in which every name is unique."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from registry_sync.core.text import name_key, number_of
from registry_sync.desk.cures.adoptions import waiting_adoptions
from registry_sync.desk.cures.base import CureCase, page, record_cell
from registry_sync.desk.cures.press import (
    CannotCure,
    CureOrder,
    CureRow,
    Done,
    Group,
    Press,
    Prospect,
)
from registry_sync.drafts import draft as drafts
from registry_sync.drafts import preview, starting
from registry_sync.drafts.preview_queue import enqueue_preview
from registry_sync.models import EntityError, Lane, LedgerEntry
from registry_sync.source.paths import ABSENT, PathError, compile_template
from registry_sync.sync.clients import client_of_settings, hasty_client, plain_source
from registry_sync.sync.setup import connector_of, read_config, read_items

SHOWN = 200
COUNTED = 10_000
"""Entities that are counted beside the button; its page counts all."""
PATIENCE = 15.0
NAME_FIELD = "External Name Field"
"""What the app's configuration calls the path of names."""
COLUMNS = ("Record", "Name now", "Name then", "Note")


class NameTemplate(Press):
    """Start a draft whose names end with the record's id, and preview it."""

    name, label = "name-template", "Let names hold the id"
    permissions = ("registry_sync.add_mappingdraft", "registry_sync.change_mappingdraft")
    codes = ("name_taken",)

    def note_for(self, case: CureCase) -> str:
        """Return how many entities it renames, counted as far as a page may."""
        count = _entities(case.lane)[:COUNTED].count()
        more = " or more" if count == COUNTED else ""
        return f"renames {count:,}{more} {'entity' if count == 1 else 'entities'}"

    def prospect(self, case: CureCase) -> Prospect:
        """Return the template, and the names that the refused records would have."""
        now, then = templates(case.lane)
        rows = tuple(_rows(case, now, then))
        columns = COLUMNS if any(row.cells[-1] for row in rows) else COLUMNS[:-1]
        shown = tuple(CureRow(row.key, row.cells[: len(columns)]) for row in rows)
        groups = [Group("Refused records", columns, shown, fixed=True)] if rows else []
        count = case.errors().count()
        renamed = _entities(case.lane).count()
        facts = [
            f"{NAME_FIELD}: {now} → {then}",
            "Publishing it renames every entity of the lane, not only those below: "
            f"{number_of(renamed, 'entity', 'entities')}.",
            "Nothing changes in Benchling until you publish the draft.",
        ]
        if met := waiting_adoptions(case).count():
            facts.append(
                f"{number_of(met, 'record')} match an entity that was in Benchling before. If it "
                "is the same one, adopt it first; with another name it would be created again."
            )
        if count > len(rows):
            facts.append(f"{count:,} records are refused. The first {len(rows):,} are shown.")
        text = "A draft of the mapping is started with this template and previewed on all records."
        return Prospect(text, facts=facts, groups=groups, presses={"draft": "Start the draft"})

    def do(self, case: CureCase, order: CureOrder) -> Done:
        """Start the draft with the template, and request its preview."""
        template = templates(case.lane)[1]
        draft = starting.start_draft(
            client_of_settings(),
            plain_source,
            title=f"Names with ids: {template}"[:200],
            actor=order.actor,
            from_live=True,
            schema_id=case.lane.schema_id,
        )
        drafts.save_edit(draft, draft.version, actor=order.actor, name_field=template)
        done = Done(f"Draft {draft.pk} started with {template}.", noted=[draft, case.lane])
        done.sentences.append(
            "The draft is started. Publish it when the preview is as you want it."
        )
        preview.request_preview(draft)
        if not enqueue_preview(draft):
            preview.on_sample(draft, client_of_settings(), plain_source)
            done.warnings.append(
                "No worker could be notified, so the draft was previewed on the sample alone. For "
                f"all records run manage.py mapping preview {draft.pk} on the server."
            )
        done.address = page("mappingdraft_preview", draft.pk)
        return done


def _entities(lane: Lane) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.filter(lane=lane).exclude(entity_id="")


def templates(lane: Lane) -> tuple[str, str]:
    """Return a lane's path or template of names, and the template that holds the id as well.

    Raise CannotCure where names hold the id already, SyncError, Refused, Wait.
    """
    client = hasty_client(PATIENCE)
    key = settings.BENCHLING_PRIVATE_KEY
    config = read_config(
        read_items(client), private_key=key, element=lane.element, needed=starting.NEEDED
    )
    now, id_path = config.name_field, connector_of(config).id_path
    template = now if "{" in now else f"{{{now}}}"
    if f"{{{id_path}}}" in template:
        raise CannotCure(
            f"Names hold the id already ({now}). The registry's owner renames the records."
        )
    return now, f"{template} [{{{id_path}}}]"


def _rows(case: CureCase, now: str, then: str) -> Iterator[CureRow]:
    try:
        before, after = compile_template(now), compile_template(then)
    except PathError as fault:
        raise CannotCure(f"{NAME_FIELD} cannot be read: {fault}. Correct it first.") from fault
    seen: set[str] = set()
    for error in case.errors()[:SHOWN]:
        name = _name(error, after)
        note = "" if name and name_key(name) not in seen else "still not unique"
        seen.add(name_key(name))
        record = record_cell(error.external_id, case.lane)
        yield CureRow(error.external_id, (record, _name(error, before), name, note))


def _name(error: EntityError, template: Callable[[Any], Any]) -> str:
    value = template(error.raw) if isinstance(error.raw, dict) else ABSENT
    return "" if value is ABSENT or value is None else str(value)
