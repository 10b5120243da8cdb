"""Add these options: what is in the dropdown afterwards, and how many records went through."""

from __future__ import annotations

import html
import threading

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry_sync import runs
from registry_sync.benchling import dropdowns
from registry_sync.benchling.errors import Wait, retry_time
from registry_sync.desk.cures import options as cure
from registry_sync.jobs import runner
from registry_sync.jobs.sole_holder import SoleHolder
from registry_sync.models import RunLog, SyncRun
from tests.support.desk import text, unbounded
from tests.support.presses import REASON, page_of, press, ticked, ticks, work
from tests.support.registry import compound

pytestmark = pytest.mark.once


def wanting(world, *kinds, **switches):
    """Give a world whose records need these options, after a sync; one option is archived."""
    w = world([compound(n, kind=kind) for n, kind in enumerate(kinds)], **switches)
    protein = w.tenant.dropdowns[w.kinds]["options"][1]
    protein["archiveRecord"] = {"reason": "Retired"}
    w.sync()
    return w


def cure_page():
    return page_of("dropdown_option_missing")


def options(w):
    return {o["name"]: o for o in w.tenant.dropdowns[w.kinds]["options"]}


def test_the_options_are_added_and_the_records_go_through(world, owner):
    w = wanting(world, "Small molecule", "Peptide", "Peptide", "Oligo", dropdown_writes="unarchive")
    before = {name: o["id"] for name, o in options(w).items()}
    assert set(w.open_errors()) == {"C-000001", "C-000002", "C-000003"}
    page = text(owner.get(cure_page()))
    assert ticked(page) == {"Peptide": True, "Oligo": True}
    answer = press(owner, cure_page())
    assert answer.status_code == 302 and options(w).keys() == {*before, "Peptide", "Oligo"}
    assert {name: options(w)[name]["id"] for name in before} == before
    # The tenant gave life to the archived option again; that was put back, and said.
    assert options(w)["Protein"]["archiveRecord"]["reason"] == "Retired"
    run = work()
    assert not w.open_errors() and w.values()["C-000003"]["Kind"] == "Oligo"
    told = html.unescape(text(owner.get(answer.url)))
    assert "3 of 3 records went through" in told and "archived again" in told
    assert REASON in RunLog.objects.filter(run=run).values_list("text", flat=True)[0]
    assert any(REASON in row.change_message for row in LogEntry.objects.all())


def test_what_is_like_another_option_is_shown_apart_and_unticked(world, owner):
    w = wanting(world, "Peptide", "Peptide", "peptide ", "PROTEIN", "Protein")
    assert ticked(text(owner.get(cure_page()))) == {
        "Peptide": True, "peptide": False, "PROTEIN": False, "Protein": False,
    }  # fmt: skip
    old = options(w)["Protein"]["id"]
    press(owner, cure_page(), ["Protein", "Peptide"])
    work()
    # It is the archived option that is in use again, and no second one of its name.
    assert options(w)["Protein"] == {"id": old, "name": "Protein", "archiveRecord": None}
    assert list(options(w)) == ["Small molecule", "Protein", "Peptide"]
    assert w.values()["C-000004"]["Kind"] == "Protein"


def test_what_someone_else_changes_at_the_same_time_stays(world, owner, monkeypatch):
    w = wanting(world, "Peptide", "Oligo")
    shown = ticks(text(owner.get(cure_page())))
    w.tenant.add_option(w.kinds, "Peptide")
    w.tenant.add_option(w.kinds, "Mixture")
    send = dropdowns._send

    def meddled(*asked):
        after = send(*asked)
        w.tenant.add_option(w.kinds, "Lipid")
        options(w)["Mixture"]["name"] = "Blend"
        return after

    monkeypatch.setattr(dropdowns, "_send", meddled)
    sent = {"decided": "yes", "reason": REASON, "chosen": [key for key, _ in shown.values()]}
    answer = owner.post(cure_page(), sent)
    names = list(options(w))
    assert names == ["Small molecule", "Protein", "Peptide", "Blend", "Oligo", "Lipid"]
    told = html.unescape(text(owner.get(answer.url)))
    assert "1 option had been added by someone else" in told and "is called “Blend” now" in told


def test_two_presses_change_a_dropdown_one_after_the_other(world, owner, monkeypatch):
    w = wanting(world, "Peptide")
    other, holds = SoleHolder(f"dropdown {w.kinds}"), []
    holds.append(other.holds())
    monkeypatch.setattr(cure, "TURN", 0.05)
    told = html.unescape(text(press(owner, cure_page())))
    assert "adds options to the dropdown of “Kind” at this moment" in told
    assert holds == [True] and list(options(w)) == ["Small molecule", "Protein"]
    monkeypatch.setattr(cure, "TURN", 10)
    threading.Timer(0.2, other.release).start()
    assert press(owner, cure_page()).status_code == 302
    assert list(options(w)) == ["Small molecule", "Protein", "Peptide"]
    assert other.holds()  # the press has given it back
    other.release()


def test_names_are_put_back_into_the_list_as_it_is_then(world, owner, monkeypatch):
    w = wanting(world, "Peptide")
    send, sent = dropdowns._send, []

    def meddled(*asked):
        after = send(*asked)
        if not sent:
            small = options(w)["Small molecule"]
            after = {**after, small["id"]: {**small, "name": "Small"}}
            small["name"] = "Small"
            w.tenant.add_option(w.kinds, "Lipid")
        sent.append(asked)
        return after

    monkeypatch.setattr(dropdowns, "_send", meddled)
    answer = press(owner, cure_page())
    assert list(options(w)) == ["Small molecule", "Protein", "Peptide", "Lipid"]
    assert len(sent) == 2 and "has its name again" in html.unescape(text(owner.get(answer.url)))


def test_what_was_added_while_the_list_was_sent_is_put_back(world, owner, monkeypatch):
    """A tenant that archives what a list leaves out, and an option that came after the reading."""
    w = wanting(world, "Peptide")
    send = dropdowns._send

    def late(*asked):
        after = send(*asked)
        w.tenant.add_option(w.kinds, "Lipid")
        options(w)["Lipid"]["archiveRecord"] = {"reason": "Other"}
        return after | {options(w)["Lipid"]["id"]: dict(options(w)["Lipid"])}

    monkeypatch.setattr(dropdowns, "_send", late)
    answer = press(owner, cure_page())
    assert options(w)["Lipid"]["archiveRecord"] is None
    assert options(w)["Protein"]["archiveRecord"] and "Peptide" in options(w)
    told = html.unescape(text(owner.get(answer.url)))
    assert "“Lipid” was archived, and is in use again" in told


def test_an_option_that_was_seen_and_is_gone_is_said(world, owner, monkeypatch):
    """Whoever sends an older list removes what others have added since."""
    wanting(world, "Peptide")
    send, gone = dropdowns._send, {"sfso_gone": {"name": "Lipid", "archiveRecord": None}}
    monkeypatch.setattr(dropdowns, "_send", lambda *asked: send(*asked) | gone)
    answer = press(owner, cure_page())
    told = html.unescape(text(owner.get(answer.url)))
    assert "“Lipid” (sfso_gone) is no longer in the dropdown" in told


@pytest.mark.parametrize("verb", ["archive", "get"])
def test_what_was_done_before_a_failure_is_told_and_noted(world, owner, monkeypatch, verb):
    w = wanting(world, "Peptide", "Oligo", dropdown_writes="unarchive")
    url, call, sent = cure_page(), dropdowns.Client.call, []

    def fails(client, method, path, *rest, **more):
        if sent and (path.endswith(f":{verb}") or method == verb):
            raise Wait(retry_time(1), "Benchling")
        if method == "patch" and path.startswith("dropdowns/"):
            sent.append(path)
        return call(client, method, path, *rest, **more)

    shown = ticks(text(owner.get(url)))
    with monkeypatch.context() as within:
        within.setattr(dropdowns.Client, "call", fails)
        answer = owner.post(
            url, {"decided": "yes", "reason": REASON, "chosen": [k for k, _ in shown.values()]}
        )
    assert answer.status_code == 302
    told = html.unescape(text(owner.get(answer.url)))
    assert "2 options added to the dropdown of “Kind”" in told
    assert "did not answer in time" in told
    noted = [row.change_message for row in LogEntry.objects.all()]
    assert any("“Peptide”" in one and "did not answer in time" in one for one in noted)
    if verb == "archive":
        left = "“Protein” was unarchived, and is not archived again"
        assert left in told and any(left in one for one in noted)
    work()
    assert not w.open_errors()


def test_where_the_app_may_not_the_list_is_for_a_benchling_admin(world, owner):
    w = wanting(world, "Peptide", "Oligo", dropdown_writes="forbidden")
    answer = press(owner, cure_page())
    page = html.unescape(text(answer))
    assert "does not let this app change the dropdown of “Kind” (403)" in page
    assert f"the dropdown of “Kind” ({w.kinds}) in Benchling:\nOligo\nPeptide" in page
    assert len(options(w)) == 2 and len(w.open_errors()) == 2
    assert not SyncRun.objects.filter(status="QUEUED")


def test_more_than_twenty_need_their_number(world, owner):
    w = wanting(world, *(f"Kind {n}" for n in range(21)))
    for typed in ("", "20"):
        page = text(press(owner, cure_page(), typed=typed))
        assert "Type 21 to confirm. Nothing was done." in page and len(options(w)) == 2
    press(owner, cure_page(), typed="21")
    assert len(options(w)) == 23


def test_many_records_are_neither_loaded_nor_named_one_by_one(world, owner, monkeypatch):
    monkeypatch.setattr(cure, "MOST", 2)
    w = wanting(world, *["Peptide"] * 3, *["Oligo"] * 2)
    with CaptureQueriesContext(connection) as asked:
        page = text(owner.get(cure_page()))
    assert ticked(page) == {"Peptide": True, "Oligo": True} and not unbounded(asked)
    with CaptureQueriesContext(connection) as asked:
        answer = press(owner, cure_page())
    assert not unbounded(asked)
    assert sum(REASON in row.change_message for row in LogEntry.objects.all()) == 3
    run = work()
    assert (run.kind, run.only, run.only_cause) == ("retry", [], "dropdown_option_missing")
    assert answer.url.endswith(f"/syncrun/{run.pk}/change/") and not w.open_errors()


def test_a_retry_of_a_cause_follows_the_active_run(world, owner, monkeypatch):
    monkeypatch.setattr(cure, "MOST", 1)
    w = wanting(world, "Peptide", "Peptide")
    active, _ = runs.request_run(kind=SyncRun.Kind.DRY_RUN, trigger=SyncRun.Trigger.SCHEDULE)
    press(owner, cure_page())
    runner.work_to_end(active.pk)
    assert len(w.open_errors()) == 2
    run = work()
    assert (run.kind, run.only_cause) == ("retry", "dropdown_option_missing")
    assert not w.open_errors()


def test_no_one_adds_options_without_the_permissions(world, owner, viewer, client):
    """It adds options and starts a run, which are two permissions."""
    w = wanting(world, "Peptide")
    adds = User.objects.create_user("Ada", is_staff=True)
    adds.user_permissions.add(Permission.objects.get(codename="add_dropdown_options"))
    client.force_login(adds)
    for who in (viewer, client):
        assert who.get(cure_page()).status_code == 403
        sent = {"decided": "yes", "reason": REASON}
        assert who.post(cure_page(), sent).status_code == 403
    assert len(options(w)) == 2
    assert "Tick at least one" in text(owner.post(cure_page(), {"decided": "yes", "reason": "x"}))
