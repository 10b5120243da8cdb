"""The rows of the lanes that the app's configuration names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from registry_sync.models import Lane


def place_lanes(lanes: Sequence[Lane]) -> None:
    """Keep which lanes the configuration names, in its order. Others are no longer configured."""
    with transaction.atomic():
        placed = Lane.objects.of_app().filter(position__isnull=False)
        placed.exclude(pk__in=[lane.pk for lane in lanes]).update(position=None)
        for position, lane in enumerate(lanes):
            if lane.position != position:
                lane.position = position
                lane.save(update_fields=["position"])


def save_scope(lane: Lane, scope: list[Any]) -> None:
    """Keep the scope that the lane's runs use, by which other lanes know what left it."""
    if lane.scope != scope:
        lane.scope = scope
        lane.save(update_fields=["scope"])
