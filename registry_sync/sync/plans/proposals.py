"""Proposals: what a lane's settings let no one do alone is proposed, then confirmed by another."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.ledger import admin_log
from registry_sync.models import Lane, Proposal, Withdrawal

What, State = Proposal.What, Proposal.State
SETTINGS = {
    What.PUBLISH: "second_publish",
    What.ALLOW: "second_allow",
    What.RELEASE: "second_release",
    What.POLICY: "second_release",
}
"""The setting of a lane that requires a second person."""
SIGN = "registry_sync.sign_plan"
"""The permission that whoever confirms needs, however they do it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: a user of the desk, or whoever runs a command, who can only propose.

    A user keeps their id when they are renamed.
    """

    name: str
    user_id: int | None = None
    may_sign: bool = False

    @classmethod
    def of(cls, user: Any) -> Person:
        """Return a user of the desk as the person that they are."""
        return cls(user.get_username(), user.pk, user.has_perm(SIGN))

    def is_it(self, name: str, user_id: int | None) -> bool:
        """Return whether a name, or the id of a user of the desk, is this person's."""
        return name == self.name or (user_id is not None and user_id == self.user_id)

    def proposed(self, row: Proposal) -> bool:
        """Return whether this person proposed it."""
        return self.is_it(row.proposed_by, row.proposed_user)

    def may_confirm(self, row: Proposal) -> bool:
        """Return whether this person can be the second one."""
        return self.may_sign and self.user_id is not None and not self.proposed(row)


SERVICE = Person("Registry Sync")


@dataclass(frozen=True, slots=True)
class ProposedAction:
    """An action in a lane that may need a second person. `subject` says what exactly is done.

    A second person is also needed if the lane requires one for an action that it leads `to`.
    """

    lane: Lane | None
    what: Proposal.What
    subject: Json
    text: str
    to: tuple[Proposal.What, ...] = ()


class SecondPerson(SyncError):
    """Nothing was done yet: it is proposed, and a second person must confirm it."""

    def __init__(self, proposal: Proposal) -> None:
        super().__init__(
            f"This lane requires a second person. {proposal.proposed_by} proposed it; nothing was "
            "done yet.",
            remedy="Someone else with the permission to sign plans must confirm it under "
            "Proposals in the desk, or do the same there.",
            kind="mapping",
            code="second_person",
        )
        self.proposal = proposal


@dataclass(frozen=True, slots=True)
class Consent:
    """Consent to actions. It is used up when they are done, not when it is requested."""

    by: Person
    reason: str
    proposals: tuple[Proposal, ...] = ()

    def use(self) -> None:
        """Confirm what was proposed, in the transaction that does it. Raise SyncError."""
        for proposal in self.proposals:
            row = Proposal.objects.select_for_update().get(pk=proposal.pk)
            if row.state != State.OPEN:
                raise SyncError(
                    f"{row} is {row.get_state_display()} by now. Nothing was done.",
                    remedy="Reload the page and check.", kind="mapping", code="taken",
                )  # fmt: skip
            _decide([row], State.CONFIRMED, self.by, self.reason)


def is_required(lane: Lane | None, what: Proposal.What) -> bool:
    """Return whether a lane's settings, as they are now, require a second person."""
    if lane is None:
        return False
    return bool(Lane.objects.filter(pk=lane.pk).values_list(SETTINGS[what], flat=True).first())


def request_consent(
    actions: Iterable[ProposedAction],
    *,
    by: Person,
    reason: str,
    check: Callable[[], None] = lambda: None,
) -> Consent:
    """Return the consent to do these actions now: none needs a second person, or `by` is one.

    Raise SecondPerson if one of them needs a second person; each that does is proposed then.
    `check` raises SyncError if nothing is left to do; it is called with the lanes locked.
    """
    found, missing, actions = list[Proposal](), list[Proposal](), list(actions)
    lanes = {action.lane.pk for action in actions if action.lane is not None}
    with transaction.atomic():  # locked, so that no one proposes the same at the same time
        list(Lane.objects.select_for_update(no_key=True).filter(pk__in=lanes).order_by("pk"))
        check()
        for action in actions:
            lane = action.lane
            if lane is None or not any(is_required(lane, w) for w in (action.what, *action.to)):
                continue
            row = _open_proposal(lane, action)
            if row is None:
                missing += _propose(lane, [action], by, reason)
            elif by.may_confirm(row):
                found.append(row)
            else:
                missing.append(row)
    if missing:
        raise SecondPerson(missing[0])
    return Consent(by, reason, tuple(found))


def settle(
    lane: Lane, actions: Sequence[ProposedAction], *, by: Person, reason: str
) -> list[ProposedAction]:
    """Return which of some actions of one kind may be done now, each on its own.

    If the lane requires a second person, those that this person may confirm are confirmed, and
    new ones are proposed. Call it in the transaction that does them, with the lane locked. The
    number of queries does not grow with that of the actions.
    """
    if not actions or not is_required(lane, actions[0].what):
        return list(actions)
    rows = Proposal.objects.filter(lane=lane, what=actions[0].what, state=State.OPEN)
    found = list(rows.order_by("pk").select_for_update())
    proposed = {_key(row.subject): row for row in reversed(found)}  # of two alike, the older one
    pairs = [(action, proposed.get(_key(action.subject))) for action in actions]
    able = [(action, row) for action, row in pairs if row is not None and by.may_confirm(row)]
    _decide([row for _, row in able], State.CONFIRMED, by, reason)
    _propose(lane, [action for action, row in pairs if row is None], by, reason)
    return [action for action, _ in able]


def _key(subject: Json) -> str:
    return json.dumps(subject, sort_keys=True)


def _open_proposal(lane: Lane, action: ProposedAction) -> Proposal | None:
    """Return the open proposal of the same action, or None."""
    rows = Proposal.objects.filter(lane=lane, what=action.what, state=State.OPEN)
    same = (row for row in rows.order_by("pk") if current_subject(row) == action.subject)
    return next(same, None)


def current_subject(row: Proposal) -> Json:
    """Return what a proposal is about now: a record that came back is no longer released."""
    if row.what != What.RELEASE:
        return dict(row.subject)
    able = Withdrawal.objects.filter(
        pk__in=row.subject["withdrawals"], state__in=Withdrawal.RELEASABLE, closed_at__isnull=True
    )
    return {"withdrawals": list(able.order_by("pk").values_list("pk", flat=True))}


def _propose(
    lane: Lane, actions: Sequence[ProposedAction], by: Person, reason: str
) -> list[Proposal]:
    rows = Proposal.objects.bulk_create(
        Proposal(
            lane=lane, what=action.what, subject=action.subject, text=action.text,
            proposed_by=by.name, proposed_user=by.user_id, reason=reason,
        )
        for action in actions
    )  # fmt: skip
    notes = [(row, f"{by.name} proposed: {row.text} {reason}") for row in rows]
    admin_log.note_each(notes, by.name)
    return rows


def decline(proposal: Proposal, *, by: Person, reason: str) -> bool:
    """Decline a proposal; who made it may take it back so. Return whether it was still open."""
    return _close(proposal, State.DECLINED, by, reason)


def void_proposal(proposal: Proposal, reason: str) -> bool:
    """Void a proposal of what can no longer be done. Return whether it was still open."""
    return _close(proposal, State.VOID, SERVICE, reason)


def _close(proposal: Proposal, state: Proposal.State, by: Person, reason: str) -> bool:
    with transaction.atomic():
        row = Proposal.objects.select_for_update().get(pk=proposal.pk)
        if row.state != State.OPEN:
            return False
        _decide([row], state, by, reason)
    return True


def _decide(rows: Sequence[Proposal], state: Proposal.State, by: Person, reason: str) -> None:
    """Close proposals that are locked."""
    Proposal.objects.filter(pk__among=[row.pk for row in rows]).update(
        state=state, decision=reason.strip(), decided_at=timezone.now(), decided_by=by.name,
        decided_user=by.user_id,
    )  # fmt: skip
    admin_log.note_each([(row, f"{by.name}: {state.label}. {reason}") for row in rows], by.name)
