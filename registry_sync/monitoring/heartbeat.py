"""HEARTBEAT_URL: requested after each good run of a lane, and with /fail after a failed one.

A monitor elsewhere alerts people when no request comes, also if this whole machine is down.
https://healthchecks.io/docs/signaling_failures/
"""

from __future__ import annotations

import logging
from urllib.parse import quote, urlsplit

from django.conf import settings

from registry_sync import runs
from registry_sync.models import Lane, SyncRun
from registry_sync.monitoring import web_request

logger = logging.getLogger(__name__)
PATIENCE = web_request.Patience(step=3.0, whole=5.0)
LANE = "{lane}"
GOOD = (SyncRun.Status.SUCCEEDED, SyncRun.Status.COMPLETED_WITH_WARNINGS)


def report(run_id: int) -> None:
    """Request the address for a run that ended. Raise nothing: the run stays as it is.

    Only runs of all records count: no dry runs, retries, pilots, `--since` or cancelled runs.
    """
    if not settings.HEARTBEAT_URL:
        return
    try:
        run = SyncRun.objects.select_related("lane").get(pk=run_id)
        failed = run.status == SyncRun.Status.FAILED
        if run.moves_watermark and (failed or run.status in GOOD):
            for url in _addresses(run.lane, failed=failed):
                _request(url)
    except Exception as error:  # its text may contain the address
        logger.warning("The heartbeat was not sent (%s)", type(error).__name__)


def _addresses(lane: Lane | None, *, failed: bool) -> list[str]:
    """Return the addresses to request: one for each lane where a run failed before it found its."""
    names = runs.LaneNames()
    url = settings.HEARTBEAT_URL
    if failed:
        parts = urlsplit(url)
        url = parts._replace(path=parts.path.rstrip("/") + "/fail").geturl()
    if LANE not in url:
        return [url]
    lanes = names.lanes if lane is None else [lane]
    return [url.replace(LANE, quote(names.of(each), safe="")) for each in lanes]


def _request(url: str) -> None:
    web_request.hide_in_log(url)
    try:
        web_request.ask("GET", url, patience=PATIENCE)
    except web_request.Unanswered as error:
        host = web_request.host_of(url)
        logger.warning("The heartbeat did not reach %s: %s", host, error)
