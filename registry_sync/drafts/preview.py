"""The preview of a draft: on its sample at once, on chosen ids or on all records as a job.

A job is worked in slices, so that a sync on the same queue never waits long. Its
worker proves its claim by the heartbeat that it wrote last: if the row has a newer one, the worker
cannot write. A preview with an old heartbeat can be taken over, from the page that was reached.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q

from registry_sync import runs
from registry_sync.benchling import config_items as items
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused
from registry_sync.core.problems import ConfigError, SyncError
from registry_sync.core.types import Json
from registry_sync.drafts import draft as drafts
from registry_sync.drafts.impact import Forecast
from registry_sync.drafts.preview_counts import empty
from registry_sync.drafts.preview_notes import Notes
from registry_sync.drafts.preview_queue import AT_WORK
from registry_sync.drafts.preview_rivals import Rivals
from registry_sync.drafts.starting import live_config
from registry_sync.drafts.tenant_view import TenantView
from registry_sync.models import Lane, MappingDraft
from registry_sync.source.client import Source
from registry_sync.source.pages import Page
from registry_sync.sync.records import source_records, stray_records
from registry_sync.sync.setup import Setup, Sides, lane_key

logger = logging.getLogger(__name__)
State = MappingDraft.Preview
SAMPLE, CHOSEN, ALL = "sample", "ids", "all"
MOST_IDS = 100


class Lost(Exception):
    """Another worker has this preview, or the draft was edited: stop and write nothing."""


class Beat:
    """The right to write for one preview, while the row has the heartbeat written last."""

    def __init__(self, draft: MappingDraft, at: datetime) -> None:
        self.draft, self.at = draft, at

    def save(self, **values: Any) -> None:
        """Write, and beat. Raise Lost."""
        now = runs.database_now()
        values = {"preview_heartbeat": now, **values}
        own_draft = MappingDraft.objects.filter(
            pk=self.draft.pk, preview_heartbeat=self.at, preview_state=State.RUNNING
        )
        if not own_draft.update(**values):
            raise Lost
        self.at = now

    def keep(self) -> None:
        """Beat now and then, while a page is being read."""
        if (runs.database_now() - self.at) > runs.lease_time() / 3:
            self.save()


def on_sample(draft: MappingDraft, client: Client, open_source: drafts.OpenSource) -> None:
    """Preview a draft on its sample. Raise ConfigError where it cannot be used."""
    mapping, sides = drafts.compile_draft(draft), drafts.sides_of(draft)
    found = empty(mapping)
    source = open_source(sides)
    try:
        records = source_records(draft.sample, source, mapping.fingerprint)
    finally:
        source.close()
    Notes(draft).forget()
    forecast = _forecast(draft, client, sides, found)
    forecast.add(records)
    with transaction.atomic():
        forecast.rivals.notes.flush()
        forecast.settle()
        MappingDraft.objects.filter(pk=draft.pk, version=draft.version).update(
            **_begun(draft, SAMPLE), preview_state=State.DONE, preview=found,
            preview_done=found["read"],
        )  # fmt: skip


def _forecast(draft: MappingDraft, client: Client, sides: Sides, found: Json) -> Forecast:
    mapping, lane = drafts.compile_draft(draft), lane_of(client, sides)
    setup = Setup(sides.config, sides.connector, sides.schema, mapping)
    rivals = Rivals(Notes(draft), TenantView(client, setup, lane), lane)
    return Forecast(found, mapping, lane, rivals)


def request_preview(draft: MappingDraft, ids: Sequence[str] = ()) -> None:
    """Ask for a preview on these records, or on all. Raise ConfigError where it cannot be used."""
    found = empty(drafts.compile_draft(draft)) | {"wanted": list(ids), "seen": []}
    scope = CHOSEN if ids else ALL
    Notes(draft).forget()
    MappingDraft.objects.filter(pk=draft.pk, version=draft.version).update(
        **_begun(draft, scope), preview_state=State.QUEUED, preview=found, preview_done=0
    )
    draft.refresh_from_db()


def stop(draft: MappingDraft) -> bool:
    """End a preview that is under way; whoever works on it notices."""
    working = MappingDraft.objects.filter(pk=draft.pk, preview_state__in=AT_WORK)
    return bool(working.update(preview_state=State.NONE, preview_heartbeat=None))


def _begun(draft: MappingDraft, scope: str) -> Json:
    return {
        "preview_version": draft.version,
        "preview_scope": scope,
        "preview_position": None,
        "preview_total": None,
        "preview_error": "",
        "preview_heartbeat": runs.database_now(),
    }


def is_done(draft: MappingDraft) -> bool:
    """Return whether this very version was previewed."""
    return draft.preview_state == State.DONE and draft.preview_version == draft.version


def lane_of(client: Client, sides: Sides) -> Lane | None:
    """Find the lane whose ledger a preview is held against; None where none was ever synced."""
    return Lane.objects.filter(**lane_key(client, sides)).first()


# -- the job ----------------------------------------------------------------------------------


def claim_preview(draft_id: int) -> Beat | None:
    """Claim a preview that is queued or whose worker died. Return None if it has a worker."""
    now = runs.database_now()
    free = Q(preview_state=State.QUEUED) | Q(
        preview_state=State.RUNNING, preview_heartbeat__lt=now - runs.lease_time()
    )
    claimable = MappingDraft.objects.filter(free, pk=draft_id)
    if not claimable.update(preview_state=State.RUNNING, preview_heartbeat=now):
        return None
    return Beat(MappingDraft.objects.get(pk=draft_id), now)


def work_preview(
    draft_id: int,
    open_client: Callable[[Callable[[float, str], None]], Client],
    open_source: Callable[[Sides, Callable[[float], None], Callable[[], None]], Source],
    *,
    seconds: float | None = None,
) -> bool:
    """Work a slice of a preview; True when there is more to do."""
    beat = claim_preview(draft_id)
    if beat is None:
        return False

    def pause(wait: float) -> None:
        until = time.monotonic() + wait
        while (remaining := until - time.monotonic()) > 0:
            beat.keep()
            time.sleep(min(remaining, 5.0))

    client = open_client(lambda wait, reason: pause(wait))
    try:
        sides = _live_sides(beat.draft, client)
        source = open_source(sides, pause, beat.keep)
        try:
            return _work(beat, client, sides, source, seconds or settings.SLICE_SECONDS)
        finally:
            source.close()
    except Lost:
        return False
    except SyncError as error:
        _fail(beat, error.with_remedy)
    except Refused as refused:
        _fail(beat, f"Benchling refused a request ({refused.status}): {refused.message}")
    except DatabaseError:
        raise  # nothing can be recorded: the heartbeat grows old, and another worker takes over
    except Exception as error:
        logger.exception("The preview of draft %s failed with an internal error", draft_id)
        _fail(beat, f"An internal error occurred ({type(error).__name__}). The operator must check "
              "the service's log.")  # fmt: skip
    return False


def _fail(beat: Beat, text: str) -> None:
    MappingDraft.objects.filter(pk=beat.draft.pk, preview_heartbeat=beat.at).update(
        preview_state=State.FAILED, preview_error=text
    )


def _live_sides(draft: MappingDraft, client: Client) -> Sides:
    """Return the draft's sides with the live key, if they are still what the draft is based on."""
    config, raw = live_config(client, draft)
    sides = drafts.sides_of(draft)
    changed = drafts.changed_under(draft, items.by_path(raw))
    # A draft that waits for manual steps changed some of it itself.
    if changed and not draft.publishing.get("wrote"):
        named = ", ".join(" › ".join(path) for path in changed)
        raise ConfigError(
            f"The app's configuration has changed since the draft was started: {named}.",
            remedy="Take the current configuration as the draft's new base, then preview again.",
        )
    return Sides(config, sides.connector, sides.schema)


def _work(beat: Beat, client: Client, sides: Sides, source: Source, seconds: float) -> bool:
    draft, deadline = beat.draft, time.monotonic() + seconds
    found = draft.preview
    forecast = _forecast(draft, client, sides, found)
    fingerprint = forecast.mapping.fingerprint
    chosen_ids = found["wanted"]
    done = draft.preview_done
    for page in _pages(source, chosen_ids, draft.preview_position):
        arrived = source_records(page.records, source, fingerprint, page.unread)
        arrived += stray_records(page.strays, fingerprint)
        if chosen_ids:
            arrived = [record for record in arrived if record.external_id in chosen_ids]
            found["seen"] += [record.external_id for record in arrived]
        forecast.add(arrived)
        done += len(page.records) + len(page.unread) + len(page.strays)
        complete = bool(chosen_ids) and set(found["seen"]) >= set(chosen_ids)
        follows = None if complete else page.next_position
        with transaction.atomic():  # with its notes, which a page that is read again repeats
            beat.save(
                preview=found, preview_done=done, preview_position=follows, preview_total=page.total
            )
            forecast.rivals.notes.flush()
            if follows is None:
                _conclude(beat, forecast, found)
                return False
        if time.monotonic() > deadline:
            beat.save(preview_state=State.QUEUED)
            return True
    return False


def _conclude(beat: Beat, forecast: Forecast, found: Json) -> None:
    """Count those that waited, and end the preview."""
    forecast.settle()
    missing = [external_id for external_id in found["wanted"] if external_id not in found["seen"]]
    error = f"Not in the registry: {', '.join(missing)}." if missing else ""
    beat.save(preview=found, preview_state=State.DONE, preview_position=None, preview_error=error)


def _pages(source: Source, chosen_ids: Sequence[str], position: Json | None) -> Iterator[Page]:
    """Yield pages; of chosen records one page, where the registry gives single records."""
    if chosen_ids and source.connector.detail is not None:
        found, _ = source.fetch_all(chosen_ids)
        yield Page(list(found.values()), {}, None, len(found), None, 0)
        return
    yield from source.pages(None, position=position)
