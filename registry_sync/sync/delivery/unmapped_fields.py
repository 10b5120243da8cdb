"""What is not mapped stays as it is: seen on the first update of a lane, and provided for.

Whether an upsert keeps the fields that it leaves out is undocumented. So the first update of an
entity that has something to lose is sent alone and read back. Where the tenant cleared what was
left out, it is put back. Until it is known that the tenant keeps it, an update also sends what was
read just before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.benchling.lost_answers import send_once
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.mapping.model import Entity
from registry_sync.models import Lane, LedgerEntry, SyncRun
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.left_out import (
    KINDS,
    NAMED,
    WORDS,
    add_left_out,
    held_beside,
    is_lost,
)
from registry_sync.sync.delivery.turns import Turns
from registry_sync.sync.delivery.upsert_bodies import update_body

LAG_PAUSES = 3
"""Further looks at an entity that Benchling's list still shows as it was before the update."""
LAG_SECONDS = 2.0
LONGEST_LAG = timedelta(minutes=10)
"""After this, what the list shows counts as what the update left."""


class UnmappedFields:
    """Knows, or finds out, what becomes of the values that a lane's updates leave out."""

    def __init__(self, ctx: RunContext, turns: Turns) -> None:
        self.ctx, self.turns = ctx, turns
        self.run, self.lease, self.lane = ctx.run, ctx.lease, ctx.lane
        self.setup, self.client = ctx.setup, ctx.client
        self.archived: set[str] = set()
        """Registry ids of entities that someone archived, as seen before their update."""
        self._bare: set[str] = set()
        """Registry ids of the entities read last that have nothing to lose."""

    def trial(self, updates: Iterable[Json]) -> str:
        """Choose which of these updates to send alone; its registry id, "" for none.

        `updates` are the bodies of entities that are in Benchling already.
        """
        unknown = [k for k in KINDS if k not in (*self.lane.kept, *self.lane.cleared)]
        if not unknown or self.lane.trial:
            return ""
        self._bare.clear()
        most, chosen, before = 0, "", {}
        for body, raw in self._read(updates):
            if raw.get("archiveRecord"):  # it is not sent
                continue
            beside = self._left_out(body, raw)
            count = sum(bool(beside[kind]) for kind in unknown)
            if not any(beside.values()):
                self._bare.add(str(body["entityRegistryId"]))
            if count > most:
                most, chosen = count, str(body["entityRegistryId"])
                before = {**beside, "modified_at": raw.get("modifiedAt")}
        if chosen:
            began = timezone.now().isoformat()
            trial = {"run": self.run.pk, "registry_id": chosen, "began": began, **before}
            self._remember(trial=trial)
        return chosen

    def fill(self, updates: Sequence[Json]) -> None:
        """Give bodies what they leave out, as Benchling holds it now, unless it is kept anyway.

        The entity on trial is left as it is: that is what the trial is about. Entities that are
        archived are seen on the way, for a tenant may unarchive what it is sent.
        """
        kinds = [kind for kind in KINDS if kind not in self.lane.kept]
        left_alone = {(self.lane.trial or {}).get("registry_id"), *self._bare}
        bodies = [body for body in updates if body["entityRegistryId"] not in left_alone]
        if not kinds:
            self._read(updates, archive_reason="ANY_ARCHIVED")
        elif bodies:
            for body, raw in self._read(bodies):
                add_left_out(body, self._left_out(body, raw), kinds)

    def conclude(self) -> None:
        """Check what became of the entity that was sent alone, and put back what it lost.

        Where Benchling's list does not show the update yet, a later call looks again.
        """
        trial = self.lane.trial
        if not trial:
            return
        wrote = LedgerEntry.objects.filter(
            lane=self.lane,
            id_key=name_key(trial["registry_id"]),
            written_run_id__gte=trial["run"],
        ).first()
        body = self._body(wrote) if wrote else {}
        found = self._after(trial, body) if wrote else []
        if not found:  # refused, or gone by now: another one will show it
            self._remember(trial=None)
            return
        if _is_stale(trial, found[0][1]):
            return
        # All that it has: the ledger's row may also name fields that the update left out.
        now = self._left_out({"fields": {}}, found[0][1])
        lost = trial.get("lost") or [kind for kind in KINDS if is_lost(trial.get(kind), now[kind])]
        left_out = trial.get("left") or now
        if lost:
            # Kept first: a process that dies after putting it back must still tell of it.
            self._remember(trial={**trial, "lost": lost, "left": left_out})
            add_left_out(body, {kind: trial[kind] for kind in lost}, lost)
            add_left_out(body, now, lost)
            self._put_back(body, trial, lost)
        kept_kinds = [kind for kind in KINDS if trial.get(kind) and kind not in lost]
        with transaction.atomic():
            if lost and wrote:
                self._record_changes(wrote, {kind: trial[kind] for kind in lost}, left_out)
            self._remember(
                trial=None,
                kept=[
                    *self.lane.kept,
                    *(kind for kind in kept_kinds if kind not in self.lane.kept),
                ],
                cleared=[*self.lane.cleared, *(k for k in lost if k not in self.lane.cleared)],
            )

    def _put_back(self, body: Json, trial: Json, lost: Sequence[str]) -> None:
        """Send what the entity on trial lost, and say so in the run's log."""

        def is_there() -> bool:
            now = [self._left_out({"fields": {}}, raw) for _, raw in self._read([body])]
            return all(not is_lost(trial[kind], each[kind]) for each in now for kind in lost)

        with self.turns.turn():
            send_once(lambda: self.client.upsert_one(body), is_there, self.ctx.pacer.pause)
        runs.log(
            self.run,
            "WARNING",
            "This tenant clears what an update leaves out: "
            f"{trial['registry_id']} lost {', '.join(NAMED[kind] for kind in lost)}, which was "
            "restored. Every update now also sends the values that were read just before it.",
        )

    def _after(self, trial: Json, body: Json) -> list[tuple[Json, Json]]:
        """Read the entity on trial; wait a little while the list does not show its update."""
        found = self._read([body])
        for _ in range(LAG_PAUSES):
            if not found or not _is_stale(trial, found[0][1]):
                break
            self.ctx.pacer.pause(LAG_SECONDS)
            found = self._read([body])
        return found

    def _record_changes(self, wrote: LedgerEntry, lost: Json, left_out: Json) -> None:
        """Let the auditor see what the update cleared (but for what it left), and was put back."""
        runs.renew(self.lease)
        names = {field.id: field.name for field in self.setup.schema.fields}
        ids = {name: field_id for field_id, name in names.items()}
        values = [
            (ids.get(key, key), names.get(key, key), value)
            for key, value in lost.get("fields", {}).items()
            if key not in left_out["fields"]
        ]
        values += [(kind, WORDS[kind], lost[kind]) for kind in WORDS if kind in lost]
        cleared_by = SyncRun.objects.get(pk=wrote.written_run_id or self.run.pk)
        ledger.record_put_back(cleared_by, self.run, wrote, values)

    def _body(self, row: LedgerEntry) -> Json:
        entity = Entity(row.external_id, row.entity_registry_id, row.name, row.fields)
        return update_body(self.ctx, entity)

    def _read(self, bodies: Iterable[Json], **filters: str) -> list[tuple[Json, Json]]:
        by_id = {str(body["entityRegistryId"]): body for body in bodies}
        registry_id = self.setup.config.registry_id
        found = self.client.entities_with_ids(list(by_id), registry_id=registry_id, **filters)
        self.archived -= set(by_id)
        self.archived |= {raw["entityRegistryId"] for raw in found if raw.get("archiveRecord")}
        return [(by_id[raw["entityRegistryId"]], raw) for raw in found]

    def _left_out(self, body: Json, raw: Json) -> Json:
        """Return what an entity has that a body leaves out."""
        by_id = self.lane.field_keys == Lane.FieldKeys.ID
        fields = self.setup.schema.fields if by_id else ()
        return held_beside(body, raw, {field.name: field.id for field in fields})

    def _remember(self, **values: Any) -> None:
        runs.renew(self.lease)
        Lane.objects.filter(pk=self.lane.pk).update(**values)
        for name, value in values.items():
            setattr(self.lane, name, value)


def _is_stale(trial: Json, raw: Json) -> bool:
    """Return whether a list shows the entity on trial as it was before its update."""
    if not trial.get("began") or raw.get("modifiedAt") != trial["modified_at"]:
        return False
    return timezone.now() - datetime.fromisoformat(trial["began"]) < LONGEST_LAG
