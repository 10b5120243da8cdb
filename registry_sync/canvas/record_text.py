"""Every sentence that scientists read in a canvas about one record."""

from __future__ import annotations

from registry_sync.canvas.markdown import escaped
from registry_sync.canvas.text import moment, starter, without_codes
from registry_sync.core.problems import SyncError
from registry_sync.models import Adoption, Drift, EntityError, LedgerEntry, SyncRun
from registry_sync.reporting.catalogue import record_actor, record_wait, scientist_failure


def synced(entry: LedgerEntry, run: SyncRun | None) -> str:
    """Return that a record is in Benchling, since when, and by which run."""
    sentence = f"**{escaped(entry.external_id)}** is in Benchling as “{escaped(entry.name)}”"
    if run is None:
        return f"{sentence}."
    when = moment(run.finished_at or run.started_at)
    return f"{sentence}, last written {when} by sync {run.pk}, started {starter(run)}."


def was_equal(entry: LedgerEntry, run: SyncRun) -> str:
    """Return that a run found nothing to write for a record."""
    return (
        f"**{escaped(entry.external_id)}** is in Benchling as “{escaped(entry.name)}”. The sync "
        f"{moment(run.finished_at)} found nothing to change."
    )


def behind(external_id: str, active: SyncRun) -> str:
    """Return that a record is synced after the run under way."""
    return (
        f"**{escaped(external_id)}** is queued. It is synced after the sync under way, started "
        f"{starter(active)}."
    )


def queued(external_id: str) -> str:
    return f"**{escaped(external_id)}** is queued to be synced."


def record_underway(external_id: str, run: SyncRun) -> str:
    """Return that a record waits for its run, or is being synced."""
    if run.started_at is None:
        return queued(external_id)
    return f"**{escaped(external_id)}** is being synced."


def waits_for_run(external_id: str, run: SyncRun, *, found: bool) -> str:
    """Return that the canvas waits for the run that was reading when a record was asked for.

    `found` says that the record was read before, by this or another run.
    """
    first = "" if found else f"No record “{escaped(external_id)}” has been read so far. "
    return (
        f"{first}The sync under way, started {starter(run)}, has not ended. When it has, this "
        f"canvas shows what became of **{escaped(external_id)}**."
    )


def not_found_by_run(typed: str, run: SyncRun) -> str:
    """Return that a run which was awaited has found no record with an id or name."""
    return (
        f"No record has the id or name “{escaped(typed)}”: the sync that ended "
        f"{moment(run.finished_at)} found none. To search for a part of a name, press **Look up**."
    )


def run_failed(external_id: str, how: str) -> str:
    """Return that the run of a record ended badly; `how` says so in sentences."""
    return f"**{escaped(external_id)}** was not synced. {how}"


def not_tried(external_id: str) -> str:
    return (
        f"**{escaped(external_id)}** was not synced: the sync that it waited for has ended without "
        "it. Press **Sync just this one** again."
    )


def archived() -> str:
    return "It is archived in Benchling. A Benchling admin can unarchive it."


def not_in_benchling(error: EntityError, *, is_there: bool, changed: bool = False) -> str:
    """Return why a record is not up to date, and what it waits for and who must act.

    `changed` says that the registry's record is another by now.
    """
    waits = record_wait(error.waits_for).scientist.format(key=escaped(error.waits_key))
    ask = record_actor(error.code, error.kind, error.assigned).ask
    remedy = CHANGED_SINCE if changed else f"{waits} {ask}".strip()
    subject = "Its newest version" if is_there else escaped(error.external_id)
    return f"**{subject} is not in Benchling.** {without_codes(error.message)} {remedy}"


CHANGED_SINCE = "The record has changed in the registry since. The next sync tries it again."


def deleted_in_registry(entry: LedgerEntry) -> str:
    """Return that the registry says of a record that it is deleted."""
    is_synced = bool(entry.entity_hash)
    head = (
        synced(entry, None)
        if is_synced
        else f"**{escaped(entry.external_id)}** is not in Benchling."
    )
    return f"{head} The registry says that it is deleted."


def record_withdrawn() -> str:
    return "The registry says that it is deleted. Nothing is changed in Benchling for that."


def namesake(error: EntityError) -> str:
    """Return that another refused record has the name that was looked up."""
    return f"Another record has the same name. {not_in_benchling(error, is_there=False)}"


def more_namesakes(count: int) -> str:
    return f"{count:,} more {'record has' if count == 1 else 'records have'} the same name."


def adoption(row: Adoption) -> str:
    """Return that a matching entity was in Benchling before, and what happens next."""
    whose = f"{escaped(row.entity_registry_id) or 'An entity'} (“{escaped(row.name)}”)"
    if row.state == Adoption.State.APPROVED:
        return f"{whose} was in Benchling before. The next sync adopts it."
    if row.how == Adoption.How.ARCHIVED:
        ask = record_actor("archived", "benchling").ask
        return f"{whose} was in Benchling before and is archived. {ask}"
    return f"{whose} was in Benchling before. Your integration owner decides whether to adopt it."


def drift(row: Drift) -> str:
    return f"Its {escaped(row.field)} was changed in Benchling {moment(row.modified_at)}."


def unknown(external_id: str) -> str:
    return f"The registry has no record “{escaped(external_id)}” that Registry Sync can see."


def not_synced(external_id: str) -> str:
    return f"**{escaped(external_id)}** is in the registry, but not in Benchling yet."


def newer() -> str:
    return "The registry has a newer version. The next sync will bring it."


def record_unchanged(*, refused: bool) -> str:
    if refused:
        return "It has not changed in the registry since."
    return "The registry has nothing newer."


def unreachable(error: SyncError) -> str:
    return scientist_failure(error.code, error.kind, "The registry could not be reached.")


def several(typed: str, found: list[tuple[str, str]], *, more: bool) -> str:
    """Return the records that what was typed may mean: their ids and names."""
    head = f"Several records match “{escaped(typed)}”. Enter the id of the one that you mean:"
    lines = [f"- **{escaped(id_)}**{f' {escaped(name)}' if name else ''}" for id_, name in found]
    more_line = ["- And more. Enter a longer part of the name."] if more else []
    return "\n".join([head, *lines, *more_line])
