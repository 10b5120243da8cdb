"""Publishing a draft: its rows become the app's configuration in Benchling, and are read back.

Nothing is written without a preview, during a run, or over changes of other users. Each item is
recorded before it is sent, so that publishing again completes an interrupted publication. Items
that the tenant does not let an app write must be entered by hand.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling import config_items as items
from registry_sync.benchling.client import Client
from registry_sync.benchling.config_items import Write
from registry_sync.benchling.errors import Refused
from registry_sync.benchling.schema import EntitySchema, parse_schema
from registry_sync.core.problems import ConfigError, SyncError
from registry_sync.core.text import storable
from registry_sync.drafts import draft as drafts
from registry_sync.drafts import preview, publish_effect, versions
from registry_sync.mapping.parts import without_parts
from registry_sync.models import MappingDraft, MappingVersion, SyncRun
from registry_sync.sync.plans import proposals
from registry_sync.sync.plans.proposals import Person
from registry_sync.sync.setup import connector_of, mapping_of, read_items, read_schema
from registry_sync.sync.withdrawals.policy import decides_with

HELD = timedelta(minutes=5)
"""How long one publication excludes others, including one that was interrupted."""


@dataclass
class PublishPlan:
    """What publishing would write, and what stands in its way."""

    todo: list[Write] = field(default_factory=list)
    foreign: list[tuple[str, str, str]] = field(default_factory=list)
    """Items that someone else changed: the item, the draft's base, the current value."""
    hindrances: list[SyncError] = field(default_factory=list)
    schema: EntitySchema | None = None

    def lines(self) -> list[tuple[str, str]]:
        """Return each item that would be written, and its value, with fields by their name."""
        return [(" › ".join(w.path), self.shown(w)) for w in self.todo]

    def shown(self, write: Write) -> str:
        """Return an item's value as a user would choose or enter it."""
        if write.value is None:
            return "–"
        if self.schema is not None and write.kind == "field":
            found = self.schema.field(write.value)
            return found.name if found else write.value
        if self.schema is not None and write.value == self.schema.id:
            return self.schema.name
        return write.value


class NotWritten(SyncError):
    """The tenant refused an item. The rest must be entered by hand."""


# -- looking ------------------------------------------------------------------------------------


def plan_publish(draft: MappingDraft, client: Client) -> PublishPlan:
    """Read the live configuration, and say what publishing would write and what forbids it."""
    stored = items.by_path(read_items(client))
    found = PublishPlan(hindrances=_hindrances(draft))
    rows = [(row["field_id"], row["path"]) for row in without_parts(draft.rows) if row["path"]]
    place = drafts.place_in(draft, stored)
    target = items.mapping_wanted(
        stored, rows, drafts.rules_of(draft.rows), draft.name_field, place
    )
    if draft.connector is not None:
        own = drafts.own_connector(draft)
        text = json.dumps(own, ensure_ascii=False) if own else None
        target[place.path(items.CONNECTOR)] = ("json", text)
    found.todo = items.needed_writes(stored, target)
    written = {tuple(path): value for path, value in draft.publishing.get("wrote", [])}
    for path, before in drafts.changed_under(draft, stored).items():
        now = items.value_of(stored, path)
        expected = target[path][1] if path in target else before
        if items.same_setting(now, expected) or (
            path in written and items.same_setting(now, written[path])
        ):
            continue
        found.foreign.append((" › ".join(path), before or "–", items.public(path, now) or "–"))
    try:
        found.schema = _check_live(draft, client)
    except ConfigError as error:
        found.hindrances.append(error)
    if found.foreign:
        found.hindrances.append(_changed_meanwhile())
    return found


def _hindrances(draft: MappingDraft) -> list[SyncError]:
    found = []
    if not preview.is_done(draft) and draft.back_to is None:
        found.append(
            SyncError(
                "This version of the draft has not been previewed.",
                remedy="Preview it, check the result, then publish.",
                kind="mapping",
                code="not_previewed",
            )
        )
    if (run := _active(draft)) is not None:
        found.append(
            SyncError(
                f"Run {run.pk} is active and would read a half-written configuration.",
                remedy="Wait until it ends, or cancel it under Runs.",
                kind="mapping",
                code="run_active",
            )
        )
    return found


def _active(draft: MappingDraft) -> SyncRun | None:
    """Return the run that would read what is written: of the draft's lane, or of an unknown one."""
    if len(runs.current_lanes()) < 2:
        return runs.active()
    for run in runs.active_runs():
        if run.lane is None or run.lane.schema_id == draft.schema_id:
            return run
    return None


def _check_live(draft: MappingDraft, client: Client) -> EntitySchema:
    """Compile the draft against the schema as it is now. Raise ConfigError."""
    config = drafts.config_of(draft)
    schema = parse_schema(*read_schema(client, config, config.mapped_ids))
    drafts.check_rows(draft.rows, schema)
    mapping_of(config, connector_of(config, strict=True), schema)
    return schema


def _changed_meanwhile() -> ConfigError:
    return ConfigError(
        "The app's configuration has changed since the draft was started.",
        remedy="Compare both sides. Take the current configuration as the draft's new base, then "
        "preview and publish again.",
        code="changed_meanwhile",
    )


# -- writing ------------------------------------------------------------------------------------


def publish(
    draft: MappingDraft, client: Client, *, by: Person, reason: str, version: int, typed: str = ""
) -> MappingVersion:
    """Write a draft to Benchling, read it back, and keep it as a version.

    `typed` is the number that a great effect asks for. Raise SyncError where something stands in
    the way; NotWritten if items must be entered by hand.
    """
    _take(draft, version)
    try:
        found = plan_publish(draft, client)
        if found.hindrances:
            raise found.hindrances[0]
        publish_effect.refuse_untyped(publish_effect.effect_of(draft), typed)
        _agree(draft, found, by=by, reason=reason)
        _write(draft, client, found)
        return _conclude(draft, client, actor=by.name, reason=reason)
    finally:
        MappingDraft.objects.filter(pk=draft.pk).update(publishing_at=None)


def _agree(draft: MappingDraft, found: PublishPlan, *, by: Person, reason: str) -> None:
    """Remember who publishes and why. Raise SecondPerson where the lane requires two people.

    What two people have agreed on is completed, where writing it was interrupted, without more.
    """
    named = {"actor": by.name, "reason": reason}
    if draft.publishing.get("agreed") == draft.version:
        _remember(draft, **named)
        return
    lane = runs.LaneNames().find(draft.schema_id)
    subject = {"draft": draft.pk, "version": draft.version}
    text, to = f"Publish the draft “{draft.title}”.", decides_with(lane, found.todo)
    action = proposals.ProposedAction(lane, proposals.What.PUBLISH, subject, text, to)
    consent = proposals.request_consent([action], by=by, reason=reason)
    with transaction.atomic():
        consent.use()
        _remember(draft, **named, agreed=draft.version if consent.proposals else None)


def publish_by_hand(draft: MappingDraft, client: Client, *, actor: str) -> MappingVersion:
    """Read back what was entered by hand. Publish if it equals the draft. Raise SyncError."""
    reason = str(draft.publishing.get("reason") or "Entered by hand")
    found = plan_publish(draft, client)
    standing = [h for h in found.hindrances if h.code != "run_active"]
    if standing:
        raise standing[0]
    return _conclude(draft, client, actor=actor, reason=reason)


def _take(draft: MappingDraft, version: int) -> None:
    """Keep other publications of this app out. Raise SyncError."""
    now = timezone.now()
    free = Q(publishing_at__isnull=True) | Q(publishing_at__lt=now - HELD)
    claimable = MappingDraft.objects.filter(
        free, pk=draft.pk, version=version,
        state__in=[MappingDraft.State.OPEN, MappingDraft.State.WAITING],
    )  # fmt: skip
    with transaction.atomic():
        # One after the other: two that look at once would see no one else.
        unpublished = MappingDraft.objects.select_for_update().order_by("pk").filter(
            tenant=draft.tenant, app_id=draft.app_id,
            state__in=[MappingDraft.State.OPEN, MappingDraft.State.WAITING],
        )  # fmt: skip
        list(unpublished.values_list("pk"))
        others = MappingDraft.objects.filter(
            tenant=draft.tenant, app_id=draft.app_id, publishing_at__gte=now - HELD
        ).exclude(pk=draft.pk)
        if others.exists() or not claimable.update(publishing_at=now):
            raise SyncError(
                "Someone else is publishing a draft, or this draft has been changed or published.",
                remedy="Reload the page and check.",
                kind="mapping",
                code="taken",
            )
    draft.refresh_from_db()


def _remember(draft: MappingDraft, **values: Any) -> None:
    draft.publishing = storable({**draft.publishing, **values})
    draft.save(update_fields=["publishing"])


def _write(draft: MappingDraft, client: Client, found: PublishPlan) -> None:
    """Write item by item, each remembered before it is sent. Raise NotWritten, SyncError."""
    wrote = list(draft.publishing.get("wrote", []))
    tried: list[Write] = []

    def before_each(write: Write) -> None:
        tried.append(write)
        wrote.append([list(write.path), write.value])
        _remember(draft, wrote=wrote)

    try:
        items.write_all(client, found.todo, before_each)
    except Refused as refused:
        done, remaining = tried[:-1], found.todo[len(tried) - 1 :]
        raise _refused(draft, found, refused, done, remaining) from refused
    except SyncError as error:
        names = ", ".join(" › ".join(write.path) for write in tried[:-1]) or "nothing"
        error.remedy = f"{error.remedy} Written so far: {names}. Publish again to complete it."
        raise


def _refused(
    draft: MappingDraft, found: PublishPlan, refused: Refused, done: list[Write], rest: list[Write]
) -> NotWritten:
    """Return what was and was not written; the draft waits for the rest to be entered."""
    at = rest[0]
    act = "make new rows in" if at.makes_row else "write"
    by_hand = [[" › ".join(write.path), found.shown(write)] for write in rest]
    names = ", ".join(" › ".join(write.path) for write in done)
    error = NotWritten(
        f"Benchling does not let the app {act} its configuration ({refused.status}: "
        f"{refused.message}). {f'Written: {names}.' if names else 'Nothing was written.'}",
        remedy="The integration owner must enter the listed values in the app's configuration in "
        "Benchling, then press “I entered them: compare”. Or a Benchling admin must give the app "
        "the permission; then publish again.",
        kind="benchling",
        code="not_written",
    )
    _remember(draft, refused=error.with_remedy, by_hand=by_hand)
    MappingDraft.objects.filter(pk=draft.pk).update(state=MappingDraft.State.WAITING)
    draft.state = MappingDraft.State.WAITING
    return error


def _conclude(draft: MappingDraft, client: Client, *, actor: str, reason: str) -> MappingVersion:
    """Read back; keep the version where everything is as the draft wants it. Raise SyncError."""
    not_written = plan_publish(draft, client).lines()
    if not_written:
        counted = f"{len(not_written)} {'item is' if len(not_written) == 1 else 'items are'}"
        raise SyncError(
            f"After publishing, {counted} not as in the draft: "
            + "; ".join(f"{path} should be {value}" for path, value in not_written[:5])
            + ".",
            remedy="Publish again, or enter them in the app's configuration in Benchling.",
            kind="benchling",
            code="not_written",
        )
    return versions.keep_version(draft, actor=actor, reason=reason)
