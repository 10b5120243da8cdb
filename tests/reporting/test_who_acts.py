"""Who must act for a cause is one answer on every face, and it is the catalogue's."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from registry_sync.canvas import record_text
from registry_sync.canvas import text as canvas_text
from registry_sync.management.run_progress import RunProgress
from registry_sync.models import AlertSettings, EntityError, Refusal
from registry_sync.monitoring.conditions import check_old_error
from registry_sync.reporting.catalogue import ACTORS, RECORD_CAUSES, record_actor, record_actor_key
from registry_sync.reporting.reference import table
from registry_sync.reporting.session_messages import describe_causes
from registry_sync.sync.delivery.dry_run_log import refused_lines
from tests.support import today
from tests.support.environment import sampled
from tests.support.factories import EntityErrorFactory, LaneFactory, SyncRunFactory

pytestmark = pytest.mark.once
LABELS = {key: actor.label for key, actor in ACTORS.items()}
ASKS = {key: actor.ask for key, actor in ACTORS.items()}


def words(answer):
    page = html.unescape(answer.content.decode())
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def after(page, start, end):
    """Return what a page says between two texts."""
    assert start in page, page
    return page.partition(start)[2].partition(end)[0].strip(" .")


def pages(owner, error):
    """Give what each page says of who must act: a label."""
    detail = reverse("admin:registry_sync_entityerror_change", args=[error.pk])
    yield "error page", after(words(owner.get(detail)), "Who must act", "Remedy")
    errors = words(owner.get(reverse("admin:registry_sync_entityerror_changelist")))
    yield "errors, by cause", after(errors, "Who must act", "What to do")
    record = reverse("admin:registry_sync_record") + f"?id=C-1&lane={error.lane_id}"
    yield "record page", after(words(owner.get(record)), "Who must act:", error.remedy)
    run = reverse("admin:registry_sync_syncrun_change", args=[error.run_id])
    page = owner.get(run).content.decode()
    yield "run page", html.unescape(after(page, "</a></th><td>", "</td>"))
    (section,) = {one.section for one in today.cards(owner) if "1 × " in one.title}
    retried = section == "No one: the next run tries again"
    yield "first page", LABELS["transient"] if retried else section.removeprefix("For ")
    url = reverse("admin:registry_sync_syncrun_errors_csv", args=[error.run_id])
    body = b"".join(owner.get(url).streaming_content).decode().lstrip("\ufeff")
    (row,) = csv.DictReader(io.StringIO(body))
    yield "CSV", LABELS[row["who must act"]]


def texts(error):
    """Give what every other face says of who must act: a label, or the canvas's sentence."""
    (said,) = describe_causes(error.lane)
    yield "App Status", after(said, ", for ", ": It was") if ", for " in said else ""
    alert = check_old_error(error.lane, AlertSettings(error_days=1))
    yield "alert", alert.who
    (_, line), *_ = refused_lines(error.run)
    yield "dry run's log", dry_run_says(line)
    out = io.StringIO()
    out.write = lambda text, write=out.write: write(f"{text}\n")
    RunProgress(False, details=False, out=out).write_findings(error.run)
    yield "dry run's command", dry_run_says(out.getvalue().partition("\n")[0])
    yield "canvas, in words", record_text.not_in_benchling(error, is_there=False)
    yield "canvas, by cause", canvas_text.attention(error.run)[0]


def dry_run_says(line):
    """Return who must act by a dry run's line on a cause: no one, where the records only wait."""
    if "would wait, and sync automatically later" in line:
        return LABELS["transient"]
    return after(line, "Who must act: ", "~")


def kind_of(cause):
    """Return a kind that an earlier version may have given a cause."""
    return next((k for k in ("benchling", "mapping", "source") if k not in cause.actors), "source")


def actor_of(cause):
    return record_actor_key(cause.code, kind_of(cause))


def opened(lane, cause):
    """Make an open error of a cause."""
    run = SyncRunFactory(lane=lane, failed=1, read=1, status="COMPLETED_WITH_WARNINGS")
    kind = kind_of(cause)
    error = EntityErrorFactory(
        lane=lane, run=run, external_id="C-1", code=cause.code, kind=kind, waits_key="k",
        waits_for=cause.waits_for, first_seen=timezone.now() - timedelta(days=9),
    )  # fmt: skip
    Refusal.objects.create(
        run=run, error=error, external_id="C-1", at=timezone.now(), kind=kind, code=cause.code,
        message=error.message, remedy=error.remedy,
    )  # fmt: skip
    return error


def is_right(face, said, key):
    if face.startswith("canvas"):
        return ASKS[key] in said and not any(a in said for k, a in ASKS.items() if a != ASKS[key])
    if face == "App Status" and key == "transient":
        return said == ""
    if face == "alert":
        return said.lower().startswith(LABELS[key].lower())
    return said == LABELS[key]


def test_every_face_names_the_same_actor(owner):
    lane, wrong = LaneFactory(), []
    one_each = {actor_of(cause): cause.code for cause in RECORD_CAUSES}
    on_pages = {*one_each.values(), *sampled([c.code for c in RECORD_CAUSES], "causes", 6)}
    for cause in RECORD_CAUSES:
        error, key = opened(lane, cause), actor_of(cause)
        assert key in cause.actors
        shown = pages(owner, error) if cause.code in on_pages else ()
        wrong += [(cause.code, face, said) for face, said in (*shown, *texts(error))
                  if not is_right(face, said, key)]  # fmt: skip
        if key != "transient" and LABELS[key] not in table([cause]):
            wrong.append((cause.code, "docs", ""))
        error.delete()
    assert not wrong


def test_an_assignment_wins_and_a_passing_fault_waits_for_no_one():
    assert record_actor("not_ours", "benchling") is ACTORS["mapping"]
    assert record_actor("not_ours", "mapping", "source") is ACTORS["source"]
    assert record_actor("no_detail", "transient") is ACTORS["transient"]
    assert record_actor("dropdown_option_missing", "source") is ACTORS["source"]
    assert record_actor("name_taken", "benchling") is ACTORS["benchling"]
    assert record_actor("name_taken", "mapping") is ACTORS["source"]
    assert record_actor("never_heard_of", "mapping") is ACTORS["mapping"]


def test_every_kind_that_is_stored_is_an_actor():
    assert set(EntityError.Kind.values) <= set(ACTORS)
