"""Canvases that cannot be drawn: asked for less and less often, until Benchling draws them."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F, Q
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import Canvas

FIRST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
"""How long a canvas rests after the first refusal, twice as long after each other, and at most."""
PATIENCE, RARELY = timedelta(days=7), timedelta(days=1)
"""How long after its last use a canvas counts as forgotten, and how long it then rests."""
INTERNAL = "An internal error"
"""How the reason begins where Benchling is not at fault: the operator reads the log."""
DRAWN = {"refusal": "", "refusals": 0, "rests_until": None}
"""The columns of a canvas that Benchling has drawn."""


def let_rest(canvas: Canvas, why: str) -> None:
    """Note why a canvas was not drawn, and ask again later: someone may give the app access.

    If it was drawn since it was read, it need not rest.
    """
    rest = min(LONGEST, FIRST * 2 ** min(canvas.refusals, 10))
    if rest == LONGEST and canvas.used_at < timezone.now() - PATIENCE:
        rest = RARELY  # as where its entry is locked
    Canvas.objects.filter(pk=canvas.pk, drawn_at=canvas.drawn_at).update(
        refusal=why,
        refusals=F("refusals") + 1,
        rests_until=runs.now_in_query() + rest,
    )


def wake() -> None:
    """Let Benchling be asked again for this app's canvases: it may draw them by now."""
    Canvas.objects.of_app().exclude(rests_until=None).update(rests_until=None)


def is_resting() -> Q:
    """Return the condition of canvases that are not asked for now."""
    return Q(rests_until__gt=runs.now_in_query())
