"""Accepted differences in a run: Benchling's value stands in for the registry's."""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from registry_sync import runs
from registry_sync.ledger import pins
from registry_sync.mapping.model import Transformed
from registry_sync.models import Pin
from registry_sync.sync.context import RunContext
from registry_sync.sync.records import Compared


def respect(done: Transformed, external_id: str, out: Compared) -> Transformed:
    """Return what a record becomes with its accepted differences; note those that are over."""
    own_pins = out.pins.get(external_id)
    if not own_pins or done.entity is None:
        return done
    over = [pin for pin in own_pins if pins.is_outdated(pin, done.entity)]
    out.outdated += over
    standing = [pin for pin in own_pins if pin not in over]
    return replace(done, entity=pins.pinned(done.entity, standing))


def end_outdated(ctx: RunContext, out: Compared) -> None:
    """End the pins of values that changed in the registry. Raise LeaseLost."""
    if not out.outdated or ctx.run.dry_run:
        return
    with transaction.atomic():
        runs.renew(ctx.lease)
        rows = Pin.objects.filter(pk__in=[pin.pk for pin in out.outdated], closed_at=None)
        rows.update(closed_at=timezone.now(), ended=Pin.End.CHANGED)
    for pin in out.outdated:
        text = f"The accepted difference of {pin.external_id} in {pin.field} ended"
        runs.log(ctx.run, "INFO", f"{text}: the registry's value changed.")
