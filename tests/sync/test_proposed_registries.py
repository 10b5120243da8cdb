"""Real registries that others wrote, synced by doctor's proposal alone."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command

from registry_sync.models import SyncRun
from tests.support.servers import SERVERS, Server

pytestmark = [pytest.mark.process, pytest.mark.once]
FIELDS = [{"name": "Note", "type": "text"}]


@pytest.fixture(scope="module", params=SERVERS, ids=lambda kind: kind.__name__)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with request.param() as started:
        for number in range(1, 26):
            started.add(f"M-{number:02d}", f"Compound {number}", f"note {number}")
        yield started


def test_a_proposal_alone_loads_edits_adds_and_deletes(world: Any, server: Server) -> None:
    w = world([], fields=FIELDS, rows=[("Note", server.fields[2])])
    client = {"client": server.settings["client"]}
    w.configure(**{"API URL": server.list_url, "Connector Settings": client,
                   "Modified Since Parameter": "", "External ID Field": "",
                   "External Name Field": server.fields[1]})  # fmt: skip
    out = io.StringIO()
    call_command("doctor", "--propose", stdout=out)
    text = out.getvalue().partition("Connector Settings:\n")[2].partition("\n\nNothing")[0]
    w.configure(**{"Connector Settings": json.loads(text)})
    expected = {f"M-{number:02d}": f"note {number}" for number in range(1, 26)}

    def notes() -> dict[str, Any]:
        return {name: values["Note"] for name, values in w.values().items()}

    run = w.sync()
    assert run.status == SyncRun.Status.SUCCEEDED, (run.error, run.warnings, text)
    assert notes() == expected
    server.edit("M-03", "edited")
    server.add("M-26", "Compound 26", "new")
    server.delete("M-07")
    expected |= {"M-03": "edited", "M-26": "new"}
    w.sync()
    assert notes() == expected, text
    w.sync(kind=SyncRun.Kind.FULL)
    assert notes() == expected and w.open_errors() == {}
