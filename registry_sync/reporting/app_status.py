"""App Status: the session that shows a run to scientists, within every limit of Benchling.

Benchling takes 10 messages of 3 to 200 characters a PATCH and refuses updates of a closed
session. A failure to report never fails the run: it is logged, and a session that could not be
closed is closed later. https://docs.benchling.com/docs/introduction-to-app-status
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.models import Lane, SyncRun
from registry_sync.reporting import sync_history
from registry_sync.reporting.bookmark import Bookmark, read_bookmark
from registry_sync.reporting.session_messages import closing_messages, message

TIMEOUT = 24 * 3600
"""Seconds after which Benchling times a session out, from its creation; raised as a run goes on."""
LONGEST_TIMEOUT = 30 * 24 * 3600
TIMED_OUT = "The App Status session had timed out; progress is shown in a new one,"
EVERY = 5.0
"""Seconds between two lines of progress."""
SESSION_NAME = "Registry Sync"
LONGEST_NAME = 88
"""Characters of a session's name, of which Benchling takes 100, before what kind of run it is."""


def is_shown(run: SyncRun) -> bool:
    """Return whether a run has a session: a dry run has one if its plan waits for a signature."""
    return not run.dry_run or any(warning["code"] == "plan_waits" for warning in run.warnings)


@dataclass
class Session:
    """The App Status session of one run. No method raises what Benchling answers."""

    run: SyncRun
    lease: runs.Lease
    client: Client
    _shown_at: float = 0.0
    _text: str = ""
    _timeout: int = 0
    """As Benchling last reported it; 0 before it has."""
    trouble: str = field(default="")
    _failing: bool | None = None

    def open(self, *, quiet: bool = False) -> None:
        """Create the session, unless the run has one.

        `quiet`: not yet if no one waits and the last run failed, since this one may fail too.
        """
        if self.run.session_id or not is_shown(self.run):
            return
        if quiet and not self.run.actor and self._failing is None:
            self._failing = runs.fails_lately(self.run)
        if quiet and self._failing:
            return
        body = opening_body(self.run, [message("Reading the registry.", "INFO")])
        # Another process of this run may have died between creating it and recording it.
        answer = self._attempt(
            lambda: (
                (find_orphan(self.run, self.client) if self.lease.fence > 1 else None)
                or create_session(self.run, self.client, body)
            )
        )
        if answer:
            try:
                runs.save_columns(
                    self.run, self.lease, session_id=str(answer["id"]), session_open=True
                )
            except runs.LeaseLost:
                self._disown(str(answer["id"]))
                raise

    def _disown(self, session_id: str, *, instead_of: str = "") -> None:
        """Close a session that was created for a run which someone ended in the meantime.

        If the run continues elsewhere, the session is found there or by a later run
        (`find_orphan`).
        """
        self.run.refresh_from_db()
        if self.run.is_active:
            return
        if self.run.session_id not in ("", instead_of):
            text = f"Run {self.run.pk} was ended. Another session shows how."
            body = {"status": "FAILED", "messages": [message(text, "INFO")]}
            self._attempt(lambda: self.client.update_session(session_id, body))
            return
        self.run.session_id, self.run.session_open = session_id, True
        SyncRun.objects.filter(pk=self.run.pk).update(session_id=session_id, session_open=True)
        close_session(self.run, self.client)

    def progress(self, text: str, *, at_once: bool = False) -> None:
        """Show one line of progress, at most every few seconds and only if it has changed."""
        now = time.monotonic()
        soon = now - self._shown_at < EVERY and not at_once
        if not self.run.session_open or text == self._text or soon:
            return
        self._shown_at, self._text = now, text
        body: Json = {"messages": [message(text, "INFO")]}
        age = (timezone.now() - self.run.created_at).total_seconds()
        if self._timeout and age > self._timeout / 2:
            body["timeoutSeconds"] = min(LONGEST_TIMEOUT, self._timeout * 2)
        answer = self._attempt(lambda: self._update(body))
        self._timeout = int((answer or {}).get("timeoutSeconds") or 0)

    def _update(self, body: Json) -> Json:
        """Update the session; if it has timed out during a pause, continue in a new one."""
        try:
            return self.client.update_session(self.run.session_id, body)
        except Refused as refused:
            if not has_timed_out(self.run, self.client, refused):
                raise
        before = self.run.session_id
        session = create_session(self.run, self.client, opening_body(self.run, body["messages"]))
        try:
            runs.save_columns(self.run, self.lease, session_id=str(session["id"]))
        except runs.LeaseLost:
            self._disown(str(session["id"]), instead_of=before)
            raise
        runs.log(self.run, "INFO", f"{TIMED_OUT} {session['id']}.")
        return session

    def _attempt(self, call: Callable[[], Json]) -> Json | None:
        try:
            return call()
        except (Refused, SyncError, Wait) as error:
            self.trouble = str(error)
            runs.log(self.run, "WARNING", f"App Status could not be updated: {error}")
            return None


def opening_body(run: SyncRun, messages: list[Json]) -> Json:
    """Return the body that creates a run's session (JSON)."""
    return {"name": session_name(run), "timeoutSeconds": TIMEOUT, "messages": messages}


def create_session(run: SyncRun, client: Client, body: Json) -> Json:
    """Create a session once, even if the answer is lost; return it as Benchling gives it."""
    return client.create_session(body, after_lost=lambda: find_orphan(run, client))


def find_orphan(run: SyncRun, client: Client) -> Json | None:
    """Return a running session of this name that no run has recorded, or None."""
    for session in client.sessions(most=100):
        if (
            session.get("status") == "RUNNING"
            and session.get("name") == session_name(run)
            and not SyncRun.objects.filter(session_id=session["id"]).exists()
        ):
            return session
    return None


def has_timed_out(run: SyncRun, client: Client, refused: Refused) -> bool:
    """Return whether Benchling refuses updates because the session timed out."""
    return refused.status == 400 and client.session(run.session_id).get("status") == "TIMEOUT"


def session_name(run: SyncRun) -> str:
    """Return a session's name, which shows its lane and whether its run moves the watermark."""
    name = _whole_name(run.lane)
    if run.kind == SyncRun.Kind.RETRY:
        return f"{name} (retry)"
    if run.only or run.since_asked:
        return f"{name} (partial)"
    return name


def _whole_name(lane: Lane | None) -> str:
    which = runs.LaneNames().label(lane)
    return f"{SESSION_NAME}: {which}"[:LONGEST_NAME] if which else SESSION_NAME


def notify_session(run: SyncRun, client: Client, text: str) -> None:
    """Show one line in a run's session, whoever holds the run's lease."""
    if not run.session_open:
        return
    try:
        client.update_session(run.session_id, {"messages": [message(text, "INFO")]})
    except (Refused, SyncError, Wait) as error:
        runs.log(run, "WARNING", f"App Status could not be updated: {error}")


def close_session(run: SyncRun, client: Client, bookmark: str = "") -> bool:
    """Close an ended run's session with its outcome; return whether Benchling shows the end."""
    if not run.session_open:
        return True
    note = sync_history.write_history_row(
        run, client
    )  # first: a closed session takes no more messages
    failed = run.status not in SyncRun.GOOD
    status = SyncRun.Status.FAILED if failed else run.status
    body = {"status": str(status), "messages": closing_messages(run, bookmark, note)}
    try:
        _end(run, client, body)
    except Refused as refused:
        if refused.status not in (400, 404):
            runs.log(run, "WARNING", f"The App Status session is not closed yet: {refused}")
            return False
        # Closed already: nothing more can be shown in this session.
        runs.log(run, "WARNING", f"The App Status session was not updated: {refused.message}")
    except (SyncError, Wait) as error:
        runs.log(run, "WARNING", f"The App Status session will be closed later: {error}")
        return False
    SyncRun.objects.filter(pk=run.pk).update(session_open=False)
    run.session_open = False
    return True


def _end(run: SyncRun, client: Client, body: Json) -> None:
    """Close a run's session; if it has timed out, a new one shows the end."""
    try:
        client.update_session(run.session_id, body)
    except Refused as refused:
        if not has_timed_out(run, client, refused):
            raise
        session = create_session(run, client, opening_body(run, body["messages"]))
        run.session_id = str(session["id"])
        SyncRun.objects.filter(pk=run.pk).update(session_id=run.session_id)
        runs.log(run, "INFO", f"{TIMED_OUT} {run.session_id}.")
        client.update_session(run.session_id, body)


def last_good_session(client: Client, lane: Lane) -> tuple[Bookmark | None, datetime | None]:
    """Return the bookmark of a lane's last good session, or at least when that session began.

    A successful session without a bookmark (written by other software) gives its time of
    creation. One with warnings and no bookmark may hide refused records and gives nothing.
    """
    own = {_whole_name(lane), *([SESSION_NAME] if lane.position == 0 else [])}
    for session in client.sessions():
        if session.get("status") not in SyncRun.GOOD:
            continue
        bookmark = read_bookmark(session.get("messages") or ())
        if bookmark is not None and bookmark.lane == lane.mark:
            return bookmark, None
        alike = session.get("name") in own and session["status"] == SyncRun.Status.SUCCEEDED
        if bookmark is None and alike:
            return None, datetime.fromisoformat(session["createdAt"])
    return None, None
