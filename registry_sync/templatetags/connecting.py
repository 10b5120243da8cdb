"""`{% connect_bar draft.schema_id "mapping" %}`: the steps of a connection, until it is made."""

from __future__ import annotations

from typing import Any

from django import template

from registry_sync.desk.connecting.facts import has_good_run, stored
from registry_sync.desk.connecting.steps import places
from registry_sync.models import SyncRun

register = template.Library()
BAR = "admin/registry_sync/connect/bar.html"


@register.inclusion_tag(BAR)
def connect_bar(schema_id: str, here: str) -> dict[str, Any]:
    """Return the steps for a page of the path; none once a run has written to Benchling."""
    return {"places": [] if has_good_run(schema_id) else places(stored(schema_id), here)}


@register.inclusion_tag(BAR)
def connect_bar_of(run: SyncRun) -> dict[str, Any]:
    """Return the steps for the page of a dry run; none for any other run."""
    if not run.dry_run or run.only:
        return {"places": []}
    return connect_bar(run.lane.schema_id if run.lane else "", "dry_run")


@register.simple_tag
def nothing_connected() -> bool:
    """Return whether no run of this app has written to Benchling yet."""
    return not has_good_run()
