"""After a mapping was published nothing is up to date, on any face, before a run wrote it."""

from __future__ import annotations

import pytest

from registry_sync import runs
from registry_sync.canvas import text as canvas_text
from registry_sync.models import Lane, MappingVersion, SyncRun
from tests.support.desk import read
from tests.support.drafting import as_posted, preview_all
from tests.support.registry import compound


def metric(client, name: str) -> str:
    answer = client.get("/metrics", headers={"Authorization": "Bearer t0ken"})
    lines = answer.content.decode().splitlines()
    found = [line.split()[1] for line in lines if line.startswith(f"registry_sync_{name} ")]
    return f"{float(found[0]):g}"


def standing(owner, settings) -> tuple[bool, bool, str]:
    """Say whether the desk is good, whether the canvas is, and what the metric counts."""
    settings.METRICS_TOKEN = "t0ken"
    run = SyncRun.objects.exclude(kind="dry run").filter(status__in=SyncRun.GOOD).first()
    good = "The last run succeeded, and no record is waiting" in read(owner)
    up_to_date = "**Up to date**" in canvas_text.ended(run)
    return good, up_to_date, metric(owner, "mapping_outstanding")


def publish(desk, template: str, *, scope: str = "all") -> None:
    draft = desk.start("live")
    desk.do(draft, "save", **(as_posted(draft) | {"name_field": template}))
    if scope == "all":
        preview_all(desk, draft)
    else:
        desk.do(draft, "sample", at="preview")
    assert "Published as version" in desk.publish(draft)


@pytest.mark.parametrize("scope", ["all", "sample"])
def test_renames_outstanding_are_not_up_to_date_until_a_run_wrote_them(
    world, desk, owner, settings, scope
):
    w = world([compound(n) for n in range(12)])
    w.sync()
    assert standing(owner, settings) == (True, True, "0")
    publish(desk, "{name} [{id}]", scope=scope)
    assert standing(owner, settings) == (False, False, "1")
    counted = "12 records" if scope == "all" else "an unknown number of records"
    assert f"(version 2), and {counted} in Benchling must still be changed" in read(owner)
    drawn = canvas_text.ended(SyncRun.objects.first())
    assert f"The next sync must still change {counted} in Benchling." in drawn
    w.sync(kind=SyncRun.Kind.DRY_RUN)
    w.sync(kind=SyncRun.Kind.RETRY)
    assert standing(owner, settings)[0] is False, "neither wrote them"
    w.registry.refuses = 403
    assert w.sync().status == "FAILED"
    assert runs.outstanding(Lane.objects.get()) is not None
    w.registry.refuses = 0
    w.sync()
    assert standing(owner, settings) == (True, True, "0")


@pytest.mark.once
def test_a_roll_back_is_outstanding_too_and_one_that_changes_nothing_is_not(
    world, desk, owner, settings
):
    w = world([compound(n) for n in range(12)])
    w.sync()
    publish(desk, "{name} [{id}]")
    w.sync()
    publish(desk, "{name}")
    assert standing(owner, settings) == (False, False, "1")
    publish(desk, "{name} [{id}]")  # back before any run: nothing is left to write
    assert MappingVersion.objects.count() == 4
    assert standing(owner, settings) == (True, True, "0")
    publish(desk, "{name}")
    publish(desk, "{name} [{id}]", scope="sample")  # the mapping of the last good run is known
    assert standing(owner, settings) == (True, True, "0")
    publish(desk, "{name}")
    w.sync(only=["C-000001"])  # wrote by the other one
    publish(desk, "{name} [{id}]", scope="sample")
    assert standing(owner, settings) == (False, False, "1")
    w.sync()
    assert standing(owner, settings) == (True, True, "0")
