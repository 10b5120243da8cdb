"""Times on pages: one form, UTC named, and how long ago."""

from __future__ import annotations

import ast
from datetime import UTC, datetime, timedelta, timezone

import pytest

from registry_sync import runs
from registry_sync.desk.times import relative, sentence_html, time_html
from registry_sync.runs import estimate
from tests.support import ROOT
from tests.support.factories import SyncRunFactory
from tools.syntax_trees import nodes_of

pytestmark = pytest.mark.once

AT = datetime(2026, 11, 28, 3, 40, 12, tzinfo=UTC)


def test_a_time_names_its_zone_and_carries_the_exact_instant():
    there = AT.astimezone(timezone(timedelta(hours=9)))
    assert time_html(there) == (
        '<time datetime="2026-11-28T03:40:12Z" title="2026-11-28 03:40:12 UTC">'
        "2026-11-28 03:40 UTC</time>"
    )
    assert ">2026-11-28 03:40:12 UTC<" in time_html(AT, seconds=True)
    assert time_html(None) == ""


def test_times_in_a_sentence_are_marked_and_the_rest_is_escaped():
    html = sentence_html("<b> changed at 2026-11-28 03:40 UTC, not 2026-11-28.")
    assert html == (
        '&lt;b&gt; changed at <time datetime="2026-11-28T03:40Z" '
        'title="2026-11-28 03:40 UTC">2026-11-28 03:40 UTC</time>, not 2026-11-28.'
    )


def test_a_time_of_day_never_stands_without_its_day():
    found = {
        path.relative_to(ROOT / "registry_sync").as_posix()
        for path in (ROOT / "registry_sync").rglob("*.py")
        if "%H" in path.read_text("utf-8")
        for node in nodes_of(path)
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None
        for form in [ast.unparse(node.format_spec)]
        if "%H" in form and "%Y-%m-%d" not in form
    }
    assert found == {"canvas/text.py"}, "use core.dates.stamp"  # its day stands before, in words


def test_what_commands_and_pages_share_names_the_day_so_that_pages_can_mark_it(monkeypatch):
    run = SyncRunFactory.build(
        waiting_for="the quota", waiting_until=AT, paused_at=AT, paused_by="Olivia",
        paused_reason="Wait", started_at=AT, lease_holder="w1",
    )  # fmt: skip
    monkeypatch.setattr(estimate, "time_left", lambda run, per_hour: timedelta(hours=2))
    left = estimate.time_left_sentence(run, per_hour=0)
    for said in (runs.paused_sentence(run), runs.waiting_sentence(run), left):
        assert "<time datetime=" in sentence_html(said)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(20, "just now"), (60, "1 minute ago"), (200, "3 minutes ago"), (7200, "2 hours ago"),
     (86400, "1 day ago"), (-20, "in less than a minute"), (-7300, "in 2 hours")],
)  # fmt: skip
def test_how_long_ago(seconds, said):
    assert relative(AT, AT + timedelta(seconds=seconds)) == said
