"""Canvases that Benchling refuses to draw: asked for less and less often, until it draws them."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F, Q

from registry_sync import runs
from registry_sync.benchling.errors import Refused
from registry_sync.models import Canvas

FIRST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
"""How long a canvas rests after the first refusal, twice as long after each other, and at most."""
DRAWN = {"refusal": "", "refusals": 0, "rests_until": None}
"""The columns of a canvas that Benchling has drawn."""


def let_rest(canvas: Canvas, refused: Refused) -> None:
    """Note a refusal, and ask again later: someone may give the app the permission."""
    rest = min(LONGEST, FIRST * 2 ** min(canvas.refusals, 10))
    Canvas.objects.filter(pk=canvas.pk).update(
        refusal=refused.message,
        refusals=F("refusals") + 1,
        rests_until=runs.now_in_query() + rest,
    )


def wake() -> None:
    """Let Benchling be asked again for this app's canvases: it may draw them by now."""
    Canvas.objects.of_app().exclude(rests_until=None).update(rests_until=None)


def is_resting() -> Q:
    """Return the condition of canvases that are not asked for now."""
    return Q(rests_until__gt=runs.now_in_query())
