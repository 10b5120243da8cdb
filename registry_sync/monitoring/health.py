"""The health of a lane: up to when Benchling is in sync, what is wrong, and who must act.

Nothing here raises or waits for long: the page that says what is broken must not break with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from django.core.checks import run_checks

from registry_sync import runs
from registry_sync.core.dates import stamp
from registry_sync.core.text import are, number_of
from registry_sync.models import Canvas, Installation, Lane, SyncRun
from registry_sync.monitoring.lane_runs import ended_runs, judged_run
from registry_sync.reporting.catalogue import ActorKey
from registry_sync.runs.rhythm import Rhythm, infer_rhythm
from registry_sync.runs.workers import Queues, read_queues
from registry_sync.sync.plans.outcome import waiting_plan, waits_sentence


class HealthState(IntEnum):
    """The smaller, the better."""

    GOOD = 0
    NEW = 1
    ATTENTION = 2
    BAD = 3

    @property
    def pill(self) -> str:
        """Return the class by which desk.css colors it."""
        return ("good", "quiet", "warning", "bad")[self]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what, and who must do what about it; `actor` is the first who."""

    state: HealthState
    text: str
    actor: ActorKey = "operator"


@dataclass(frozen=True, slots=True)
class Health:
    """The health of a lane, or of the deployment before its first run."""

    lane: Lane | None
    last_good: SyncRun | None
    active: SyncRun | None
    open_errors: int
    queues: Queues
    rhythm: Rhythm | None
    findings: Sequence[Finding]
    dismissed: int = 0
    """Records that are not up to date and whose errors were dismissed."""
    last: SyncRun | None = None
    """The ended run by which the lane is judged; a dry run only where there is no other."""
    unwritten: runs.UnwrittenMapping | None = None
    """What a mapping that was published after the last good run has still to write."""

    @property
    def state(self) -> HealthState:
        return max((finding.state for finding in self.findings), default=HealthState.GOOD)

    @property
    def word(self) -> str:
        return ("good", "not started", "attention", "bad")[self.state]

    @property
    def why(self) -> str:
        """Return the most serious finding, or that all is well."""
        worst = [finding.text for finding in self.findings if finding.state == self.state]
        if worst:
            return worst[0]
        if self.last is None and self.active is not None:
            return f"The first run ({self.active.pk}) is active; none has ended yet."
        dismissed_text = (
            f"; {self.dismissed:,} {are(self.dismissed)} dismissed" if self.dismissed else ""
        )
        return f"The last run succeeded, and no record is waiting{dismissed_text}."

    @property
    def others(self) -> list[Finding]:
        """Return the other findings, the most serious first."""
        findings = [finding for finding in self.findings if finding.text != self.why]
        return sorted(findings, key=lambda finding: -finding.state)

    @property
    def watermark_said(self) -> str:
        """Return in a sentence up to when everything is in Benchling."""
        if self.last_good is None:
            return ""
        if self.unwritten is not None:
            return f"The mapping was changed after {stamp(self.last_good.started_at)}."
        predicate = "is in Benchling, or listed under Errors."
        if self.dismissed:
            predicate = (
                f"{predicate[:-1]}, of which {self.dismissed:,} {are(self.dismissed)} dismissed."
            )
        if self.last_good.watermark is None:
            return f"Everything the registry had at {stamp(self.last_good.started_at)} {predicate}"
        until = stamp(self.last_good.watermark)
        return f"Everything changed in the registry up to {until} {predicate}"


@dataclass(frozen=True, slots=True)
class Service:
    """What holds for all lanes: settings, installation, schedule, workers."""

    active: SyncRun | None
    queues: Queues
    rhythm: Rhythm | None
    first: Sequence[Finding]
    """What must be put right before anything can run."""
    last: Sequence[Finding]

    @property
    def findings(self) -> list[Finding]:
        """Return everything that is wrong, the most serious first."""
        return sorted([*self.first, *self.last], key=lambda finding: -finding.state)

    def added_to(self, found: Health) -> Health:
        """Return the health of a lane, with what holds for every lane."""
        return replace(found, findings=[*self.first, *found.findings, *self.last])


def assess_service() -> Service:
    """Return what holds for all lanes."""
    active, queues, rhythm = runs.active(), read_queues(), infer_rhythm()
    first = [*_settings(), *_installation()]
    last = [*_schedule(rhythm, active), *_workers(queues, active)]
    return Service(active, queues, rhythm, first, last)


def assess_lane(lane: Lane | None, around: Service, *, open_errors: int | None = None) -> Health:
    """Return the health of a lane alone."""
    if open_errors is None:
        open_errors = runs.open_errors(lane).count() if lane else 0
    dismissed = _dismissed(lane) if lane else 0
    active = around.active if lane is None or around.active is None else runs.active(lane)
    last, last_good = judged_run(lane), runs.good_runs(lane).first() if lane else None
    dry = ended_runs(lane).filter(kind=SyncRun.Kind.DRY_RUN).first() if last is None else None
    unwritten = runs.outstanding(lane, last_good) if last_good is not None else None
    findings = [
        *_runs(last, last_good, active, dry),
        *_mapping(unwritten),
        *_plan(lane),
        *_records(last, open_errors, dismissed),
    ]
    return Health(
        lane, last_good, active, open_errors, around.queues, around.rhythm, findings, dismissed,
        last or dry, unwritten,
    )  # fmt: skip


def _dismissed(lane: Lane) -> int:
    return runs.only_dismissed(lane.errors.all()).count()


def _settings() -> list[Finding]:
    """Return what the operator must set before anything can run."""
    serious = [message for message in run_checks(tags=["registry_sync"]) if message.is_serious()]
    texts = [f"{message.msg} {message.hint or ''}".strip() for message in serious]
    return [Finding(HealthState.BAD, text) for text in texts]


def _installation() -> list[Finding]:
    installation = Installation.objects.of_app().first()
    if installation is None:
        return []
    if installation.deactivated_at is not None:
        since = stamp(installation.deactivated_at)
        text = (
            f"The app was deactivated in Benchling at {since}. A Benchling admin must activate it."
        )
        return [Finding(HealthState.BAD, text, "benchling")]
    if installation.config_fault:
        text = f"The app's configuration is invalid. {installation.config_fault}"
        return [Finding(HealthState.BAD, text, "mapping")]
    return []


def _runs(
    last: SyncRun | None, good: SyncRun | None, active: SyncRun | None, dry: SyncRun | None
) -> list[Finding]:
    found = []
    if active is not None and active.paused_at is not None:
        found.append(
            Finding(
                HealthState.ATTENTION,
                f"Run {active.pk} is paused and blocks other runs. {runs.paused_sentence(active)}",
            )
        )
    if last is None:
        if active is None:
            found.append(_nothing_yet(dry))
    elif last.status == SyncRun.Status.FAILED:
        when = stamp(last.finished_at)
        text = f"The last run ({last.pk}, {when}) failed. {last.error} {last.remedy}"
        found.append(Finding(HealthState.BAD, text.strip()))
    elif good is None:
        text = "No run has read the whole registry yet. Press Sync now, or start the schedule."
        found.append(Finding(HealthState.ATTENTION, text))
    return found


def _plan(lane: Lane | None) -> list[Finding]:
    plan = waiting_plan(lane)
    return [] if plan is None else [Finding(HealthState.ATTENTION, waits_sentence(plan), "mapping")]


def _mapping(unwritten: runs.UnwrittenMapping | None) -> list[Finding]:
    """Return what a mapping that was published after the last good run has still to write."""
    if unwritten is None:
        return []
    version = unwritten.version
    text = (
        f"The mapping was changed at {stamp(version.at)} (version {version.number}), and "
        f"{unwritten.records} in Benchling must still be changed. Press Sync now, or wait for the "
        "schedule."
    )
    return [Finding(HealthState.ATTENTION, text)]


def _nothing_yet(dry: SyncRun | None) -> Finding:
    """Return that nothing was synced, and what the last dry run found."""
    text = "Nothing has been synced yet."
    if dry is None:
        return Finding(HealthState.NEW, f"{text} Start with a dry run, which writes nothing.")
    last = f"{text} The last dry run ({dry.pk}, {stamp(dry.finished_at)})"
    if dry.status == SyncRun.Status.FAILED:
        return Finding(HealthState.BAD, f"{last} failed. {dry.error} {dry.remedy}".strip())
    would = f"would create {number_of(dry.created, 'record')} and refuse {dry.failed:,}"
    return Finding(HealthState.NEW, f"{last} {would}. Press Sync now, or start the schedule.")


def _records(last: SyncRun | None, open_errors: int, dismissed: int) -> list[Finding]:
    found = []
    if open_errors:
        were = "record is" if open_errors == 1 else "records are"
        dismissed_text = f", and {dismissed:,} {are(dismissed)} dismissed" if dismissed else ""
        text = f"{open_errors:,} {were} not up to date in Benchling{dismissed_text}. "
        text += "The causes below say who must act."
        found.append(Finding(HealthState.ATTENTION, text))
    if last is not None and last.status == SyncRun.Status.COMPLETED_WITH_WARNINGS:
        found += [Finding(HealthState.ATTENTION, str(warning["text"])) for warning in last.warnings]
    return found


def _schedule(rhythm: Rhythm | None, active: SyncRun | None) -> list[Finding]:
    if rhythm is None or not rhythm.overdue or active is not None:
        return []
    text = (
        f"No scheduled run has started since one was expected about {stamp(rhythm.expected_at)}. "
        "The operator must check that cron (or its replacement) still calls manage.py "
        "sync_registry."
    )
    return [Finding(HealthState.ATTENTION, text)]


def _workers(queues: Queues, active: SyncRun | None) -> list[Finding]:
    needed = needed_queues()
    idle = [name for name in needed if not queues.serves(name)]
    if not queues.is_used or not idle:
        return []
    if queues.trouble:
        finding = f"Redis is unreachable ({queues.trouble})"
        remedy = "start Redis or correct REDIS_URL, then start workers that have ended"
    else:
        finding = "No worker listens"
        if idle != needed:
            finding += f" on the queue {idle[0]}"
        remedy = "start " + " and ".join(f"manage.py rqworker {name}" for name in idle)
    waits = f" Run {active.pk} may wait until then." if active is not None else ""
    text = (
        f"{finding}. Cron still syncs, but what is requested here or in a canvas waits for a "
        f"worker or the next manage.py sync_registry. The operator must {remedy}.{waits}"
    )
    return [Finding(HealthState.ATTENTION, text)]


def needed_queues() -> list[str]:
    """Return the queues that need a worker: the one for presses only where there are canvases."""
    return ["sync", *(["interactive"] if Canvas.objects.of_app().exists() else [])]
