"""Real registries that others wrote, synced: loaded, edited, added to and deleted from."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command

from registry_sync.models import SyncRun
from registry_sync.monitoring.doctor import checkup as doctor
from tests.support.servers import SERVERS, Server
from tests.support.worlds import World, forget

pytestmark = [pytest.mark.process, pytest.mark.once]
Json = dict[str, Any]
FIELDS = [{"name": "Note", "type": "text"}]
CHECKS = ("Registry", "Pages", "Ids", "Total", "Order", "Modification times", "Deleted records")


def proposed() -> Json:
    """Return the Connector Settings that the doctor proposes."""
    out = io.StringIO()
    call_command("doctor", "--propose", stdout=out)
    text = out.getvalue().partition("Connector Settings:\n")[2].partition("\n\n")[0]
    settings: Json = json.loads(text)
    return settings


@pytest.fixture(params=SERVERS, ids=lambda kind: kind.__name__)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with request.param() as started:
        for number in range(1, 26):
            started.add(f"M-{number:02d}", f"Compound {number}", f"note {number}")
        yield started


def pointed(world: Callable[..., World], server: Server, settings: Any, api_url: str) -> World:
    """Return a world whose app reads the server."""
    made = world([], fields=FIELDS, rows=[("Note", server.fields[2])])
    made.configure(
        **{
            "API URL": api_url,
            "External ID Field": server.fields[0],
            "External Name Field": server.fields[1],
            "Connector Settings": settings,
        }
    )
    return made


def notes(world: World) -> dict[str, Any]:
    return {name: values["Note"] for name, values in world.values().items()}


def use(world: World, server: Server) -> None:
    """Load, edit, add and delete; each arrives as it should."""
    expected = {f"M-{number:02d}": f"note {number}" for number in range(1, 26)}
    run = world.sync()
    assert run.status == SyncRun.Status.SUCCEEDED, (run.error, run.warnings)
    assert notes(world) == expected
    server.edit("M-03", "edited")
    server.edit("M-25", "edited, too")
    server.add("M-26", "Compound 26", "new")
    server.delete("M-07")
    expected |= {"M-03": "edited", "M-25": "edited, too", "M-26": "new"}
    world.sync()
    assert notes(world) == expected
    run = world.sync(kind=SyncRun.Kind.FULL)
    assert notes(world) == expected
    assert [warning["code"] for warning in run.warnings] == ["withdrawn"]
    assert "M-07" in str(run.warnings)
    assert world.open_errors() == {}


def try_the_items_alone(w: World) -> None:
    """With no settings all of it arrives, or the run says what is missing."""
    run = w.sync()
    if run.status == SyncRun.Status.SUCCEEDED:
        assert len(notes(w)) == 25
    else:
        codes = {warning["code"] for warning in run.warnings}
        assert run.error_code or codes & {"more_said", "full_page", "next_unseen"}


def test_it_is_read_right_or_not_green_and_synced_by_the_doctors_proposal_alone(
    world: Callable[..., World], server: Server
) -> None:
    try_the_items_alone(pointed(world, server, None, server.list_url))
    forget()
    w = pointed(world, server, None, server.list_url)
    w.configure(**{"External ID Field": ""})
    settings = proposed()
    w.configure(**{"Connector Settings": settings})
    use(w, server)
    points = {point.name: point for point in doctor.examine()}
    names = [*CHECKS, *(["Modified-since filter"] if "incremental" in settings["endpoint"] else ())]
    alarms = [points[name] for name in names if points[name].state not in ("ok", "skipped")]
    assert not alarms, "nothing is wrong with it"
