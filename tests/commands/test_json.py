"""What commands write for machines: as documented, and nothing else on the standard output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from registry_sync import __version__, runs
from registry_sync.models import SyncRun
from tests.support.command_schema import SCHEMA, checked
from tests.support.commands import command, command_apart, manage
from tests.support.registry import compound

pytestmark = pytest.mark.once


def objects(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if part.get("type") == "object":
            yield part
        for inner in part.values():
            yield from objects(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from objects(inner)


def test_the_schema_names_every_key_and_no_other() -> None:
    """So what is written lacks no documented key, and has none that is not documented."""
    found = list(objects(SCHEMA))
    assert len(found) > 5
    for part in found:
        assert part["additionalProperties"] is False
        assert set(part["required"]) == set(part["properties"])


def test_a_sync_ends_with_an_object_a_lane_and_says_the_rest_elsewhere(world) -> None:
    w = world([compound(n) for n in range(3)])
    status, out, err = command_apart("--json")
    (line,) = out.splitlines()
    said = checked("sync_registry", line)
    assert status == 0 and said["outcome"] == "succeeded" and said["lane"] == "Compound"
    assert said["runs"][0]["counts"]["created"] == 3 and "3 created" in err
    w.add_lane("Lot", [{**compound(0, parent=None), "id": "L-0", "name": "Compound 1"}])
    w.registry.edit("C-000001", name="Compound 2")
    status, out, err = command_apart("--json")
    first, second = (checked("sync_registry", line) for line in out.splitlines())
    assert status == 2 and (first["outcome"], first["open_errors"]) == ("warned", 1)
    assert second["lane"] == "Lot" and "Compound: Run" in err
    runs.request_run(
        kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE,
        lane=runs.current_lanes()[1],
    )  # fmt: skip
    run = SyncRun.objects.latest("pk")
    runs.claim(run.pk)
    status, out, err = command_apart("--json", "--lane", "Lot")
    said = checked("sync_registry", out)
    assert status == 75 and said["outcome"] == "busy" and said["busy"] == err.strip()
    assert [one["id"] for one in said["runs"]] == [run.pk]
    assert command("--json", "--quiet")[0] == 64


def test_quiet_says_nothing_on_success_and_all_otherwise(world) -> None:
    w = world([compound(n) for n in range(3)])
    assert command("--quiet") == (0, "")
    w.registry.token = "other"
    status, said = command("--quiet")
    assert status == 1 and " FAILED: 0 records read" in said and "API Key" in said
    status, out, _ = command_apart("--json")
    failed = checked("sync_registry", out)
    assert status == 1 and failed["outcome"] == "failed"
    assert failed["runs"][0]["error"]["code"] == "registry_unauthorised"
    status, out, _ = command_apart("--json", name="doctor")
    told = checked("doctor", out)
    bad = [one["name"] for one in told["checks"] if one["state"] == "bad"]
    assert status == 1 and told["failed"] == len(bad) and "Registry" in bad
    assert command("--json", "--propose", name="doctor")[0] == 64


@pytest.mark.process
def test_the_version_is_the_service_s() -> None:
    done = manage("--version", DEBUG="1")
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")
