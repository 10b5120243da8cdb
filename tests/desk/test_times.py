"""Times on pages: one form, UTC named, and how long ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from registry_sync.desk.times import relative, sentence_html, time_html

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


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(20, "just now"), (60, "1 minute ago"), (200, "3 minutes ago"), (7200, "2 hours ago"),
     (86400, "1 day ago"), (-20, "in less than a minute"), (-7300, "in 2 hours")],
)  # fmt: skip
def test_how_long_ago(seconds, said):
    assert relative(AT, AT + timedelta(seconds=seconds)) == said
