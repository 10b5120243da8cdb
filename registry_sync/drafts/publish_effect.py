"""What publishing a draft would do to Benchling, and how much of it asks for a typed number.

Publishing changes the fingerprint, so the sync's own guard against a great change does not ask: a
new mapping is expected to change much. The person who publishes is asked instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from registry_sync import runs
from registry_sync.core.problems import SyncError
from registry_sync.core.text import number_of
from registry_sync.drafts import preview
from registry_sync.models import LedgerEntry, MappingDraft

SHARE = 10
"""From this share of the previewed records on, in percent, that would be changed or newly refused,
publishing asks for their number. A corrected path or rule touches fewer; a wrong one, all."""


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One line of the comparison; `worse` where it needs attention."""

    what: str
    now: int
    then: int
    worse: bool = False


@dataclass(frozen=True, slots=True)
class PublishEffect:
    """What a draft's preview says that publishing would do.

    `number` must be typed before it is published, 0 if none is asked for; `why` says what it
    counts.
    """

    rows: tuple[ComparisonRow, ...] = ()
    written: str = ""
    notes: tuple[str, ...] = ()
    number: int = 0
    why: str = ""


def effect_of(draft: MappingDraft) -> PublishEffect:
    """Return what publishing a draft would do, as far as its preview tells."""
    if not preview.is_done(draft):
        return _unseen(draft)
    found = draft.preview
    read, refused = found["read"], found["refused"]
    good = found["new"] + found["changed"] + found["unchanged"]
    was_refused, was_good = found.get("refused_now", 0), found.get("good_now", 0)
    rows = (
        ComparisonRow("Up to date in Benchling", was_good, good, good < was_good),
        ComparisonRow("Refused", was_refused, refused, refused > was_refused),
        ComparisonRow("Not in Benchling yet", max(0, read - was_refused - was_good), 0),
    )
    touched = found["changed"] + max(0, refused - was_refused)
    asks = bool(read) and 100 * touched >= SHARE * read
    return PublishEffect(
        rows, _written(draft), _notes(draft), touched if asks else 0,
        f"{touched:,} of {number_of(read, 'record')} would be changed or newly refused"
        if asks else "",
    )  # fmt: skip


def refuse_untyped(effect: PublishEffect, typed: str) -> None:
    """Raise SyncError if a number is asked for and was not typed."""
    digits = "".join(letter for letter in typed if letter.isdigit())
    if effect.number and digits != str(effect.number):
        raise SyncError(
            f"Not published: {effect.why}.",
            remedy=f"Type {effect.number} to confirm, or correct the draft.",
            kind="mapping",
            code="not_confirmed",
        )


def _written(draft: MappingDraft) -> str:
    found = draft.preview
    whose = {preview.ALL: "The next run writes", preview.SAMPLE: "Of the sample, a run writes"}
    begin = whose.get(draft.preview_scope, "Of the chosen records, a run writes")
    return (
        f"{begin} {number_of(found['new'] + found['changed'], 'record')}: {found['new']:,} new and "
        f"{found['changed']:,} changed, of which {found['renamed']:,} get another name."
    )


def _notes(draft: MappingDraft) -> tuple[str, ...]:
    if draft.preview_scope == preview.ALL:
        return ()
    read = number_of(draft.preview["read"], "record")
    return (
        f"Only {read} of the registry were previewed. Preview on all records to know the rest.",
    )


def _unseen(draft: MappingDraft) -> PublishEffect:
    """Return what is known without a preview: how many entities a roll-back may touch."""
    if draft.preview and draft.preview_version != draft.version:
        note = (
            f"The preview is of version {draft.preview_version} of this draft, which is at version "
            f"{draft.version} now. Preview it again."
        )
    else:
        note = "There is no preview, so what publishing would do is not known."
    if draft.back_to is None:
        return PublishEffect(notes=(note,))
    count = _in_benchling(draft)
    why = f"without a preview, all {number_of(count, 'entity', 'entities')} may be changed"
    return PublishEffect(notes=(note,), number=count, why=why if count else "")


def _in_benchling(draft: MappingDraft) -> int:
    lanes = runs.current_lanes()
    if len(lanes) > 1:
        lanes = [lane for lane in lanes if lane.schema_id == draft.schema_id]
    rows = LedgerEntry.objects.filter(lane__in=lanes)
    return rows.exclude(entity_hash="").count()
