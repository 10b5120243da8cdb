"""Who changed an entity in Benchling: by its audit log, where the app may read it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.urls import reverse

from registry_sync.benchling import audit_log
from registry_sync.benchling.audit_log import Unknown, parse_log
from registry_sync.models import AuthorOfChange, Drift, Lane, SyncRun
from registry_sync.sync import change_authors
from tests.support.desk import owner  # noqa: F401
from tests.support.people import by_hand
from tests.support.registry import compound

pytestmark = pytest.mark.once
FULL, Status = SyncRun.Kind.FULL, SyncRun.Status


@pytest.fixture
def edited(world):
    def make(**switches):
        w = world([compound(n) for n in range(3)])
        w.sync()
        for name, value in switches.items():
            setattr(w.tenant.switches, name, value)
        by_hand(w, "C-000001", Approval=1900)
        return w

    return make


def test_a_run_and_the_record_s_page_name_who_changed_it(edited, owner):  # noqa: F811
    w = edited()
    run = w.sync(kind=FULL)
    row = Drift.objects.get()
    assert row.changed_by and row.changed_at is not None
    assert f"audit log names {row.changed_by}." in str(run.warnings)
    asked = AuthorOfChange.objects.count()
    w.sync(kind=FULL)
    assert AuthorOfChange.objects.count() == asked == 1  # not asked again
    url = reverse("admin:registry_sync_record")
    where = f"{url}?id=C-000001&lane={Lane.objects.get().pk}"
    page = owner.post(where, {"action": "who"}).content.decode()
    assert "1900" in page and page.count(row.changed_by) >= 2
    assert f"audit log names {row.changed_by}, on " in page


def test_who_edits_it_again_is_named_instead(edited):
    w = edited()
    w.sync(kind=FULL)
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000001", user="ent_max", Approval=1800)
    run = w.sync(kind=FULL)
    row = Drift.objects.get()
    assert (row.theirs, row.changed_by, row.run_id) == (1800, "Max Born", run.pk)
    before = row.changed_at
    w.tenant.switches.audit_log = "refused"
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000001", Approval=1700)
    w.sync(kind=FULL)
    row.refresh_from_db()
    assert (row.changed_by, row.changed_at) == ("", None) and before is not None


@pytest.mark.parametrize(
    ("field", "user"),
    [
        ("Approval", "Ada"), ("approval", "Ada"), ("name", "Bo"), ("Kind", None), ("Trade", None),
        ("Salt", "Cy"),
    ],
)  # fmt: skip
def test_only_who_changed_the_field_is_named(field, user):
    actions = (("Ann", "Field: Trade name"), ("Ada", "Field: Approval"), ("Bo", "Name"),
               ("Cy", "Changed Salt"))  # fmt: skip
    rows = [{"user": who, "at": "", "action": action} for who, action in actions]
    found = change_authors.author_of(AuthorOfChange(rows=rows), field)
    assert (found and found["user"]) == user


@pytest.mark.parametrize("form", ["refused", "unknown"])
def test_what_cannot_be_known_is_no_error(edited, owner, form):  # noqa: F811
    w = edited(audit_log=form)
    run = w.sync(kind=FULL)
    assert {x["code"] for x in run.warnings} == {"drift"} and Drift.objects.get().changed_by == ""
    where = f"{reverse('admin:registry_sync_record')}?id=C-000001&lane={Lane.objects.get().pk}"
    assert "Not known." in owner.post(where, {"action": "who"}).content.decode()


def test_the_hourly_budget_is_kept(edited, monkeypatch):
    monkeypatch.setattr(change_authors, "MOST_AN_HOUR", 0)
    w = edited()
    w.sync(kind=FULL)
    assert Drift.objects.get().changed_by == "" and not w.tenant.exported


def test_a_run_does_not_wait_for_a_budget_that_others_used_up(edited):
    w = edited()
    w.tenant.exported.extend([w.tenant.clock.now()] * 500)
    run = w.sync(kind=FULL)
    assert w.tenant.counters["audit_429"] == 1 and run.limited_at is None
    assert "hourly limit on audit logs is used up" in AuthorOfChange.objects.get().trouble


@pytest.mark.parametrize("response", [[], "https://x", {"downloadURL": 5}, None])
def test_an_export_of_another_form_is_unknown(response):
    ended = {"status": "SUCCEEDED", "response": response}
    client = SimpleNamespace(call=lambda *_, **more: {"taskId": "1"}, get=lambda *_, **more: ended)
    with pytest.raises(Unknown):
        audit_log._exported(client, "bfi_1")


@pytest.mark.parametrize("url", ["https://[", "https://a:b/", "file:///etc/passwd", "//a", "x"])
def test_an_export_at_no_address_is_not_read(url):
    with pytest.raises(Unknown):
        audit_log._downloaded(url, allow_private=True, user_agent="test")


def test_columns_are_found_by_their_names():
    rows = parse_log(
        "User,New Value,Timestamp (UTC),Action,Odd\n"
        "ent_1,2,2026-01-01 10:00:00,Field: A,x\n"
        "ent_2,3,2026-01-01T11:00:00Z,Name,x\n"
        "ent_3,3,at noon,Name,x\n"
    )
    assert [(r.user, r.at[:16], r.action, r.new) for r in rows] == [
        ("ent_2", "2026-01-01T11:00", "Name", "3"), ("ent_1", "2026-01-01T10:00", "Field: A", "2"),
    ]  # fmt: skip
    [row] = parse_log("User,Date\nA\0da,2026-01-01\nBo,9999-12-31T23:59:59-14:00\n,2026-01-02\n")
    assert row.user == "Ada", "PostgreSQL keeps no NUL"
    assert parse_log("User,Date\n") == []
    for text in ("", "a,b\n1,2\n", "User\nx\n", "User,Date\nAda,31.12.2026\n"):
        with pytest.raises(Unknown):
            parse_log(text)
