"""Someone at the page of a cure: what it shows with ticks, and the press."""

from __future__ import annotations

import html
import re
from typing import Any

from django.test import Client

from registry_sync.desk import cures
from registry_sync.jobs import runner as jobs
from registry_sync.models import Lane, SyncRun
from tests.support.desk import text

REASON = "Agreed with the chemists"


def page_of(code: str, name: str = "", *ids: str) -> str:
    """Give the address of a cure for a cause of the first lane: the best one, or by its name."""
    found = cures.all_of(Lane.objects.order_by("position", "pk")[0], code, ids)
    return next(offer.address for offer in found if name in ("", offer.name))


def ticks(page: str) -> dict[str, tuple[str, bool]]:
    """Give what a page has to tick, by its first column: the key, and whether it is ticked."""
    rows = re.findall(r'value="([^"]+)" id="row-[^>]+aria-label="Choose ([^"]*)"( checked)?', page)
    return {html.unescape(label): (key, bool(on)) for key, label, on in rows}


def ticked(page: str) -> dict[str, bool]:
    """Give what a page has to tick, and whether it is ticked."""
    return {label: on for label, (_, on) in ticks(page).items()}


def press(client: Client, url: str, chosen: Any = None, **more: str) -> Any:
    """Press with the ticks as they are, or with these rows ticked."""
    shown = ticks(text(client.get(url)))
    keys = [
        key for label, (key, on) in shown.items() if (on if chosen is None else label in chosen)
    ]
    return client.post(url, {"decided": "yes", "chosen": keys, "reason": REASON, **more})


def work() -> SyncRun:
    """Work the run that a press requested."""
    return jobs.work_to_end(SyncRun.objects.get(status="QUEUED").pk)


def words(client: Client, url: str) -> str:
    """Give a page's words."""
    page = html.unescape(text(client.get(url)))
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())
