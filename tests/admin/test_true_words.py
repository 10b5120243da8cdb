"""Sentences of the desk that were not so: where a record came from, what it waits for, what is."""

from __future__ import annotations

import html
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from registry_sync.core import stopping
from registry_sync.jobs import runner as jobs
from registry_sync.models import SyncRun
from tests.support import factories
from tests.support.desk import INDEX, read
from tests.support.registry import compound
from tests.support.worlds import looked_up

pytestmark = pytest.mark.once
Kind = SyncRun.Kind
DETAIL = {"Connector Settings": looked_up()}


def page(run):
    return reverse("admin:registry_sync_syncrun_change", args=[run.pk])


def record(external_id):
    return reverse("admin:registry_sync_record") + f"?id={external_id}"


def ask(client, external_id):
    answer = client.post(record(external_id), {"action": "ask"})
    text = html.unescape(re.sub(r"</?time[^>]*>", "", answer.content.decode()))
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


@pytest.fixture
def named(world):
    """A world in which C-000004 wants the name of C-000001."""
    records = [compound(n) for n in range(5)]
    records[4]["name"] = "Compound 1"
    w = world(records, config=DETAIL)
    w.sync()
    return w


def test_after_a_repair_the_page_no_longer_says_that_it_waits(named, owner):
    said = ask(owner, "C-000004")
    assert "It waits until its name is free." in said and "would be refused" in said
    named.registry.edit("C-000004", name="Compound 4")
    assert "waits for the name “Compound 1”" in read(owner, record("C-000004"))
    said = ask(owner, "C-000004")
    assert "would pass" in said and "would be refused" not in said
    assert "has changed in the registry since. The next sync tries it again." in said
    assert "It waits" not in said and "waits for the name" not in said
    named.registry.edit("C-000004", name="Compound 2")
    said = ask(owner, "C-000004")
    assert "would be refused" in said and "is already used by C-000002" in said


def test_a_run_of_one_record_says_what_it_read(named, owner):
    named.registry.edit("C-000004", name="Compound 4")
    run = named.sync(only=["C-000004"])
    said = read(owner, page(run))
    assert "Read from only the requested records, as the registry has them now" in said
    assert "what changed since" not in said and "pull not needed" not in said
    assert "outcome: created" in read(owner, record("C-000004"))


def test_a_retry_did_not_ask_the_registry_and_says_so(named, owner):
    named.sync(kind=Kind.RETRY, only=["C-000004"])
    said = read(owner, record("C-000004"))
    assert "Tried again from the stored copy, without asking the registry; outcome: refused" in said
    assert "Received from the registry" not in said
    assert "Received from the registry; outcome: created" in read(owner, record("C-000002"))


def test_what_a_run_refused_itself_is_not_called_an_earlier_runs(named, owner):
    run = named.sync(kind=Kind.FULL, reads_all=True)
    assert run.failed == 1 and run.status == "COMPLETED_WITH_WARNINGS"
    assert "refused by earlier runs" not in read(owner, page(run))
    named.registry.records.append(compound(9))
    named.sync()
    run = named.sync()
    assert run.failed == 0
    assert "1 record refused by earlier runs is still open." in read(owner, page(run))


def test_after_failed_dry_runs_the_first_page_has_the_cause(world, owner):
    w = world([compound(n) for n in range(5)])
    assert "Nothing has been synced yet. Start with a dry run" in read(owner)
    w.registry.token = "other"
    run = w.sync(kind=Kind.DRY_RUN)
    said = read(owner, INDEX)
    assert f"✕ stopped Nothing has been synced yet. The last dry run ({run.pk}, " in said
    said = html.unescape(said)
    assert run.error in said and run.remedy in said and "Start with a dry run" not in said
    assert "Every record that was read is in Benchling" not in said
    w.registry.token = "key"
    w.registry.record("C-000003")["kind"] = "Peptide"
    w.sync(kind=Kind.DRY_RUN)
    said = read(owner, INDEX)
    assert "would create 4 records and refuse 1. Press Sync now" in said
    assert "Every record that was read is in Benchling" not in said
    jobs.work_to_end(w.sync().pk)
    assert "Nothing has been synced yet" not in read(owner, INDEX)


def test_a_tombstone_is_not_called_a_record_without_a_name(named, owner):
    named.registry.records[2] = {"id": "C-000002", "deleted": True}
    said = ask(owner, "C-000002")
    assert "The registry says that it is deleted." in said
    assert "no name" not in said.lower() and "would be refused" not in said
    assert "newer version" not in said


def test_buttons_that_look_alike_say_how_they_differ(owner, monkeypatch):
    monkeypatch.setattr(
        stopping, "sleep_or_stop", lambda *_: None
    )  # there is no Benchling to wait for
    error = factories.EntityErrorFactory(code="name_taken", lane=factories.LaneFactory(position=0))
    one = f"/admin/registry_sync/entityerror/{error.pk}/change/"
    record = reverse("admin:registry_sync_record") + f"?id={error.external_id}"
    for address, said in (
        ("/admin/registry_sync/entityerror/", "Retry stored copies tries them as they were"),
        (one, "Check again reads the record from the registry as it is now."),
        (record, "writes to Benchling what has changed in it. Step by step and Check the"),
    ):
        assert said in read(owner, address), address


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"status": "FAILED"}, "none (a run that does not reach its end does not move it"),
        ({"watermark": timezone.now()}, "(the next run reads what changed in the registry after"),
        (
            {
                "watermark": timezone.now(),
                "warnings": [{"code": "answer_partial", "text": "Some."}],
            },
            "may not have read all records, so the next one reads everything)",
        ),
        ({"kind": "dry run"}, "none (unchanged: this kind of run does not move it)"),
    ],
)
def test_a_runs_page_says_what_its_watermark_means(owner, values, said):
    run = factories.SyncRunFactory(**values)
    assert said in read(owner, f"/admin/registry_sync/syncrun/{run.pk}/change/")
