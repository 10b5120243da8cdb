"""App Status: the session that mirrors a run for scientists, within every limit of it.

Benchling takes 10 messages of 3 to 200 characters a PATCH and refuses updates of a closed
session. A failure to report never fails the run: it is logged, and a session that could not be
closed is closed later. https://docs.benchling.com/docs/introduction-to-app-status
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.client import Client, Refused, Wait
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.models import Lane, SyncRun
from registry_sync.reporting.bookmark import Bookmark, read_bookmark
from registry_sync.reporting.catalogue import ACTORS
from registry_sync.reporting.error_groups import ErrorGroup, groups_with_examples

MESSAGES, LONGEST, SHORTEST = 10, 200, 3
TIMEOUT = 24 * 3600
"""Seconds until Benchling itself gives a session up, from its creation; it grows with the run."""
LONGEST_TIMEOUT = 30 * 24 * 3600
TIMED_OUT = "The App Status session had timed out; how things stand is told in a new one,"
EVERY = 5.0
"""Seconds between two lines of progress."""
CAUSES = 5
SESSION_NAME = "Registry Sync"
STYLES = {
    SyncRun.Status.SUCCEEDED: "SUCCESS",
    SyncRun.Status.COMPLETED_WITH_WARNINGS: "WARNING",
    SyncRun.Status.FAILED: "ERROR",
    SyncRun.Status.CANCELLED: "ERROR",
}


@dataclass
class Session:
    """The App Status session of one run. Every method swallows what Benchling answers."""

    run: SyncRun
    lease: runs.Lease
    client: Client
    _told: float = 0.0
    _text: str = ""
    _timeout: int = 0
    """As Benchling last told it; 0 before it has."""
    trouble: str = field(default="")
    _failing: bool | None = None

    def open(self, *, quiet: bool = False) -> None:
        """Create the session, unless the run has one.

        `quiet`: not yet, where nobody waits and the last run failed: this one may fail as it did.
        """
        if self.run.session_id or self.run.dry_run:
            return
        if quiet and not self.run.actor and self._failing is None:
            self._failing = runs.fails_lately(self.run)
        if quiet and self._failing:
            return
        body = opening(self.run, [message("Reading the registry.", "INFO")])
        # Another process of this run may have died between creating it and writing it down.
        answer = self._tell(
            lambda: (
                (orphan(self.run, self.client) if self.lease.fence > 1 else None)
                or create(self.run, self.client, body)
            )
        )
        if answer:
            try:
                runs.save(self.run, self.lease, session_id=str(answer["id"]), session_open=True)
            except runs.LeaseLost:
                self._disown(str(answer["id"]))
                raise

    def _disown(self, session_id: str, *, instead_of: str = "") -> None:
        """Close a session that was made for a run which a person ended meanwhile.

        One whose run goes on elsewhere is found there (`orphan`), or is taken up by a later run.
        """
        self.run.refresh_from_db()
        if self.run.is_active:
            return
        if self.run.session_id not in ("", instead_of):
            text = f"Run {self.run.pk} was ended by a person: another session says how."
            body = {"status": "FAILED", "messages": [message(text, "INFO")]}
            self._tell(lambda: self.client.update_session(session_id, body))
            return
        self.run.session_id, self.run.session_open = session_id, True
        SyncRun.objects.filter(pk=self.run.pk).update(session_id=session_id, session_open=True)
        close(self.run, self.client)

    def progress(self, text: str, *, at_once: bool = False) -> None:
        """Show one line of progress, at most every few seconds and only when it is news."""
        now = time.monotonic()
        soon = now - self._told < EVERY and not at_once
        if not self.run.session_open or text == self._text or soon:
            return
        self._told, self._text = now, text
        body: Json = {"messages": [message(text, "INFO")]}
        age = (timezone.now() - self.run.created_at).total_seconds()
        if self._timeout and age > self._timeout / 2:
            body["timeoutSeconds"] = min(LONGEST_TIMEOUT, self._timeout * 2)
        answer = self._tell(lambda: self._update(body))
        self._timeout = int((answer or {}).get("timeoutSeconds") or 0)

    def _update(self, body: Json) -> Json:
        """Update the session; where a pause outlasted it, go on in another one."""
        try:
            return self.client.update_session(self.run.session_id, body)
        except Refused as refused:
            if not timed_out(self.run, self.client, refused):
                raise
        before = self.run.session_id
        made = create(self.run, self.client, opening(self.run, body["messages"]))
        try:
            runs.save(self.run, self.lease, session_id=str(made["id"]))
        except runs.LeaseLost:
            self._disown(str(made["id"]), instead_of=before)
            raise
        runs.log(self.run, "INFO", f"{TIMED_OUT} {made['id']}.")
        return made

    def _tell(self, call: Callable[[], Json]) -> Json | None:
        try:
            return call()
        except (Refused, SyncError, Wait) as error:
            self.trouble = str(error)
            runs.log(self.run, "WARNING", f"App Status could not be updated: {error}")
            return None


def opening(run: SyncRun, messages: list[Json]) -> Json:
    """Write what a run's session begins with."""
    return {"name": session_name(run), "timeoutSeconds": TIMEOUT, "messages": messages}


def create(run: SyncRun, client: Client, body: Json) -> Json:
    """Create a session, once: an answer that is lost is looked for."""
    return client.create_session(body, after_lost=lambda: orphan(run, client))


def orphan(run: SyncRun, client: Client) -> Json | None:
    """Find a running session of this name that no run knows: ours, of a lost answer."""
    for session in client.sessions(most=100):
        if (
            session.get("status") == "RUNNING"
            and session.get("name") == session_name(run)
            and not SyncRun.objects.filter(session_id=session["id"]).exists()
        ):
            return session
    return None


def timed_out(run: SyncRun, client: Client, refused: Refused) -> bool:
    """Say whether a session takes nothing more because Benchling gave it up, not because we did."""
    return refused.status == 400 and client.session(run.session_id).get("status") == "TIMEOUT"


def session_name(run: SyncRun) -> str:
    """Name a session so that the runs which move the watermark are told apart."""
    if run.kind == SyncRun.Kind.RETRY:
        return f"{SESSION_NAME} (retry)"
    if run.only or run.since_asked:
        return f"{SESSION_NAME} (partial)"
    return SESSION_NAME


def tell(run: SyncRun, client: Client, text: str) -> None:
    """Show one line in a run's session, past any holder of its lease."""
    if not run.session_open:
        return
    try:
        client.update_session(run.session_id, {"messages": [message(text, "INFO")]})
    except (Refused, SyncError, Wait) as error:
        runs.log(run, "WARNING", f"App Status could not be updated: {error}")


def close(run: SyncRun, client: Client, bookmark: str = "") -> bool:
    """Close an ended run's session with its outcome; True when Benchling shows the end."""
    if not run.session_open:
        return True
    failed = run.status not in SyncRun.GOOD
    status = SyncRun.Status.FAILED if failed else run.status
    body = {"status": str(status), "messages": closing_messages(run, bookmark)}
    try:
        _end(run, client, body)
    except Refused as refused:
        if refused.status not in (400, 404):
            runs.log(run, "WARNING", f"The App Status session is not closed yet: {refused}")
            return False
        # Closed already: nothing more can be said in this session.
        runs.log(run, "WARNING", f"The App Status session was not updated: {refused.message}")
    except (SyncError, Wait) as error:
        runs.log(run, "WARNING", f"The App Status session will be closed later: {error}")
        return False
    SyncRun.objects.filter(pk=run.pk).update(session_open=False)
    run.session_open = False
    return True


def _end(run: SyncRun, client: Client, body: Json) -> None:
    """Close a run's session; one that Benchling gave up gets a successor that shows the end."""
    try:
        client.update_session(run.session_id, body)
    except Refused as refused:
        if not timed_out(run, client, refused):
            raise
        made = create(run, client, opening(run, body["messages"]))
        run.session_id = str(made["id"])
        SyncRun.objects.filter(pk=run.pk).update(session_id=run.session_id)
        runs.log(run, "INFO", f"{TIMED_OUT} {run.session_id}.")
        client.update_session(run.session_id, body)


# -- words ----------------------------------------------------------------------------------


def message(text: str, style: str = "NONE") -> Json:
    """Make one message of a text, cut to what Benchling takes; braces would make it a chip."""
    text = " ".join(text.split())
    text = re.sub(r"([{}])", r"\\\1", text)
    if len(text) > LONGEST:
        text = text[: LONGEST - 1].rstrip("\\ ") + "…"
    return {"content": text.ljust(SHORTEST, "."), "style": style}


def closing_messages(run: SyncRun, bookmark: str = "") -> list[Json]:
    """Say how a run ended: the outcome, its first causes, its warnings, and the bookmark."""
    style = STYLES.get(SyncRun.Status(run.status), "INFO")
    if run.status == SyncRun.Status.CANCELLED:
        return [message(f"Cancelled. {run.error}", style)]
    if run.status == SyncRun.Status.FAILED:
        return [
            message(run.error or "The sync failed.", style),
            message(run.remedy or "Ask the integration owner.", style),
            message(f"{counts_sentence(run)} What was written stays.", "INFO"),
        ]
    lines = [message(counts_sentence(run), style)]
    lines += [message(cause, "WARNING") for cause in causes(run.lane)]
    lines += [message(warning["text"], "WARNING") for warning in run.warnings]
    lines = lines[: MESSAGES - 1]
    return [*lines, message(bookmark)] if bookmark else lines


def counts_sentence(run: SyncRun) -> str:
    """Count what a run did, in one sentence."""
    parts = [f"{run.created:,} created", f"{run.updated:,} changed", f"{run.unchanged:,} unchanged"]
    if run.failed:
        parts.append(f"{run.failed:,} refused")
    read = "record" if run.read == 1 else "records"
    return f"{run.read:,} {read} read: {', '.join(parts)}."


def causes(lane: Lane | None, *, most: int = CAUSES) -> list[str]:
    """Name the first causes of the lane's open errors, the most frequent first, each counted."""
    return [
        f"{f'{group.count:,} × ' if group.count > 1 else ''}{group.title}"
        f"{_for_whom(group)}: {first.message}"
        for group, first in groups_with_examples(lane, most=most)
    ]


def _for_whom(group: ErrorGroup) -> str:
    """Say who must act; the end of a long message is cut off, with whom it names."""
    who = [person for person in group.who if person != ACTORS["transient"].label]
    return f", for {' and '.join(who)}" if who else ""


# -- the bookmark ---------------------------------------------------------------------------


def last_good_session(client: Client, lane: str) -> tuple[Bookmark | None, datetime | None]:
    """Find this lane's last good session: its bookmark, or at least when it began.

    A session that succeeded but has no bookmark (it was written by other software) gives its
    time of creation; one with warnings and no bookmark may hide refused records and gives none.
    """
    for session in client.sessions():
        if session.get("name") != SESSION_NAME or session.get("status") not in SyncRun.GOOD:
            continue
        bookmark = read_bookmark(session.get("messages") or ())
        if bookmark is not None and bookmark.lane == lane:
            return bookmark, None
        if bookmark is None and session["status"] == SyncRun.Status.SUCCEEDED:
            return None, datetime.fromisoformat(session["createdAt"])
    return None, None
