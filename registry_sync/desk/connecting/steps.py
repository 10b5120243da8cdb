"""The eight steps of a connection: what each has come to, by the facts alone.

To add a step, add a class and a line to STEPS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal
from urllib.parse import urlencode

from django.urls import reverse

from registry_sync.benchling.syncs import SCHEMA
from registry_sync.core.secrets import public_address
from registry_sync.core.text import number_of
from registry_sync.desk.connecting.facts import Facts
from registry_sync.drafts import draft as drafts
from registry_sync.drafts import preview
from registry_sync.models import MappingDraft, SyncRun
from registry_sync.reporting.redaction import secret_mark

Mark = Literal["done", "warning", "failed", "open"]
SIGNS: dict[Mark, str] = {"done": "✓", "warning": "!", "failed": "✕", "open": "○"}
WORDS: dict[Mark, str] = {
    "done": "done", "warning": "needs a look", "failed": "failed", "open": "to do",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reached:
    """What a step has come to, in a sentence; a failed one says what to do."""

    mark: Mark
    text: str


def done(text: str) -> Reached:
    """Return that a step is done."""
    return Reached("done", text)


def to_do(text: str) -> Reached:
    """Return that a step is still to be done."""
    return Reached("open", text)


def failed(text: str) -> Reached:
    """Return that a step was tried, or its part is faulty."""
    return Reached("failed", text)


class ConnectStep:
    """One step: its name in addresses, its title, what it has come to, and its page."""

    name: ClassVar[str]
    title: ClassVar[str]

    def reached(self, facts: Facts) -> Reached:
        """Return what the step has come to."""
        raise NotImplementedError

    def address(self, facts: Facts) -> str:
        """Return the step's page; "" where it cannot be opened yet."""
        query = urlencode({"sync": facts.sync.element}) if facts.sync.element else ""
        page = reverse(f"admin:registry_sync_connect_{self.name}")
        return f"{page}?{query}" if query else page


class DraftStep(ConnectStep):
    """A step whose page is one of the draft's."""

    page: ClassVar[str]

    def address(self, facts: Facts) -> str:
        """Return the draft's page; "" without a draft."""
        if facts.draft is None:
            return ""
        return reverse(f"admin:registry_sync_mappingdraft_{self.page}", args=[facts.draft.pk])


class Access(ConnectStep):
    name, title = "access", "Address and key"
    needed = ("API URL", "API Key", SCHEMA, "Registry", "Synced Entity Location")

    def reached(self, facts: Facts) -> Reached:
        """Return whether the items that a test and a draft need are filled in."""
        if facts.trouble:
            return failed(facts.trouble)
        if facts.config is None:
            used = _was_used(facts)
            return done("Filled in in Benchling.") if used else to_do("Not looked at yet.")
        faults = facts.faults(*self.needed)
        if not faults:
            return done(f"{public_address(facts.config.api_url)}, and its key.")
        missing = all(fault.endswith("is missing") for fault in faults)
        act = "enters it" if missing else "corrects it"
        text = f"{'; '.join(faults)}. The integration owner {act} in Benchling."
        return to_do(text) if missing else failed(text)


class Test(ConnectStep):
    name, title = "test", "Test"

    def reached(self, facts: Facts) -> Reached:
        """Return what the last test of this address came to."""
        tried = facts.tried
        if tried is None:
            if facts.good_run is not None:
                return done(f"Run {facts.good_run.pk} read the registry.")
            return to_do("The registry was not asked yet.")
        if facts.config is not None and tried.api_url != public_address(facts.config.api_url):
            return to_do("API URL is another one since the last test.")
        if facts.config and tried.key_mark not in ("", secret_mark(facts.config.api_key)):
            return to_do("API Key is another one since the last test.")
        if tried.fault:
            return failed(tried.fault)
        return done(f"The registry answered {number_of(len(tried.asked), 'request')}.")


class ProposalStep(ConnectStep):
    name, title = "proposal", "Settings"

    def reached(self, facts: Facts) -> Reached:
        """Return whether someone took Connector Settings, or wrote them."""
        if facts.draft is not None:
            return done(f"The draft “{facts.draft.title}” has them.")
        if facts.config is not None and facts.config.rows:
            return done("They are in the app's configuration.")
        return to_do("No settings were taken yet.")


class Records(ConnectStep):
    name, title = "records", "First records"

    def reached(self, facts: Facts) -> Reached:
        """Return whether the draft has a sample of the registry."""
        draft = facts.draft
        if draft is None:
            return _by_hand(facts) or to_do("No record was read yet.")
        if draft.sample:
            return done(f"{number_of(len(draft.sample), 'record')} were read.")
        if draft.sampled_at is not None:
            return done(f"Read on {draft.sampled_at:%Y-%m-%d}. The records are no longer kept.")
        return failed(str(draft.base.get("sample_fault") or "No record was read."))

    def address(self, facts: Facts) -> str:
        """Return the step's page; "" without a draft."""
        return super().address(facts) if facts.draft is not None else ""


class MappingStep(DraftStep):
    name, title, page = "mapping", "Mapping", "change"

    def reached(self, facts: Facts) -> Reached:
        """Return whether the draft's rows can be used."""
        draft = facts.draft
        if draft is None:
            return _by_hand(facts) or to_do("No field is mapped yet.")
        if not draft.rows:
            return to_do("No field is mapped yet.")
        if draft.state != MappingDraft.State.PUBLISHED and (fault := drafts.fault_of(draft)):
            return failed(fault)
        return done(f"{number_of(len(draft.rows), 'field')} mapped.")


class Preview(DraftStep):
    name, title, page = "preview", "Preview", "preview"

    def reached(self, facts: Facts) -> Reached:
        """Return what the preview of the draft as it is came to."""
        draft = facts.draft
        if draft is None:
            return _by_hand(facts) or to_do("Nothing was previewed yet.")
        if draft.preview_error:
            return failed(draft.preview_error)
        if not preview.is_done(draft):
            return to_do("This version of the draft was not previewed yet.")
        found = draft.preview
        text = f"{number_of(found['read'], 'record')}: {found['refused']:,} would be refused."
        return Reached("warning" if found["refused"] else "done", text)


class Publish(DraftStep):
    name, title, page = "publish", "Publish", "publish"

    def reached(self, facts: Facts) -> Reached:
        """Return whether the draft is the app's configuration."""
        draft, version = facts.draft, facts.version
        if draft is None:
            return _by_hand(facts) or to_do("Nothing was published yet.")
        if draft.state == MappingDraft.State.WAITING:
            return failed(str(draft.publishing.get("refused") or "Some values are to be typed."))
        if draft.state == MappingDraft.State.PUBLISHED and version is not None:
            return done(f"Version {version.number}, by {version.actor}.")
        return to_do("The draft is not published yet.")


class DryRun(ConnectStep):
    name, title = "dry_run", "Dry run"

    def reached(self, facts: Facts) -> Reached:
        """Return what the newest dry run since the publication came to."""
        run = facts.dry_run
        if run is None:
            if facts.good_run is not None:
                return done(f"Run {facts.good_run.pk} went well.")
            return to_do("No dry run since the mapping was published.")
        if run.is_active:
            return to_do(f"Run {run.pk} is at work.")
        if run.status == SyncRun.Status.SUCCEEDED:
            return done(f"Run {run.pk}: {number_of(run.read, 'record')}, none refused.")
        if run.status == SyncRun.Status.COMPLETED_WITH_WARNINGS:
            text = f"Run {run.pk} has warnings, or would refuse records: its page names them."
            return Reached("warning", text)
        return failed(f"Run {run.pk}: {run.error or 'It was cancelled.'} {run.remedy}".strip())


def _was_used(facts: Facts) -> bool:
    """Return whether the registry has answered with the address and the key."""
    tested = facts.tried is not None and not facts.tried.fault
    draft = facts.draft
    sampled = draft is not None and (bool(draft.sample) or draft.sampled_at is not None)
    return tested or sampled or facts.good_run is not None


def _by_hand(facts: Facts) -> Reached | None:
    """Return that a mapping is in use that no draft made."""
    if facts.config is not None and facts.config.rows:
        return done("The app's configuration has a mapping.")
    if facts.good_run is not None:
        return done(f"Run {facts.good_run.pk} used the mapping in the app's configuration.")
    return None


STEPS: tuple[ConnectStep, ...] = (
    Access(), Test(), ProposalStep(), Records(), MappingStep(), Preview(), Publish(), DryRun(),
)  # fmt: skip
BY_NAME = {step.name: step for step in STEPS}


@dataclass(frozen=True, slots=True)
class StepPlace:
    """A step in the bar: its number, what it came to, and its page."""

    number: int
    step: ConnectStep
    reached: Reached
    address: str
    is_here: bool = False

    @property
    def sign(self) -> str:
        """Return the sign by which its state is known without colour."""
        return SIGNS[self.reached.mark]

    @property
    def word(self) -> str:
        """Return its state in words."""
        return WORDS[self.reached.mark]


def places(facts: Facts, here: str = "") -> list[StepPlace]:
    """Return every step with its state; `here` names the one whose page is shown."""
    return [
        StepPlace(n, step, step.reached(facts), step.address(facts), step.name == here)
        for n, step in enumerate(STEPS, 1)
    ]


def next_step(found: list[StepPlace]) -> StepPlace | None:
    """Return the first step that is not done and can be opened; None if all are."""
    return next((place for place in found if place.reached.mark != "done" and place.address), None)
