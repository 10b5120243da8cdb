"""What a lane has learned from its registry's answers, such as where the records are."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from registry_sync.models import Lane
from registry_sync.runs.lease import Lease, renew


def learn(lane: Lane, lease: Lease, **facts: Any) -> None:
    """Keep facts about the registry's answers in the lane; those of other names stay.

    A fact is JSON, and None removes it. It is no part of the fingerprint. Nothing is written
    where the lane knows it already. Raise LeaseLost.
    """
    state = {**lane.source_state, **facts}
    state = {name: value for name, value in state.items() if value is not None}
    if state == lane.source_state:
        return
    lane.source_state = state
    with transaction.atomic():
        renew(lease)
        lane.save(update_fields=["source_state"])
