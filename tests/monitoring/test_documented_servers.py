"""Servers as documented: doctor proposes what reads all of them, and finds no fault with any."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command

from registry_sync.models import SyncRun
from registry_sync.monitoring.doctor import checkup as doctor
from tests.support.documented import ROWS, SERVERS
from tests.support.worlds import forget

NAMES = ("Registry", "Pages", "Ids", "Total", "Order", "Modification times", "Deleted records")


@pytest.mark.once
@pytest.mark.usefixtures("patient")
def test_each_is_read_by_the_proposal_alone_without_a_false_alarm(world: Any, serve: Any) -> None:
    w = world([], rows=[])
    for server, answer in SERVERS.items():
        forget()
        url = serve(answer).url + "/list"
        w.configure(**{"API URL": url, "Connector Settings": None})
        out = io.StringIO()
        call_command("doctor", "--propose", stdout=out)
        text = out.getvalue().partition("Connector Settings:\n")[2].partition("\n\nNothing")[0]
        deep = "attributes." if server in ("jsonapi-server", "fortune") else ""
        w.configure(
            **{
                "Connector Settings": json.loads(text),
                "External Name Field": f"{deep}name",
                "Field Configurations": [("SMILES", f"{deep}name")],
            }
        )
        points = {point.name: point for point in doctor.examine()}
        alarms = [points[name] for name in NAMES if points[name].state not in ("ok", "skipped")]
        assert not alarms, (server, alarms)
        run = w.sync()
        assert (run.status, run.read) == (SyncRun.Status.SUCCEEDED, len(ROWS)), (server, run.error)
