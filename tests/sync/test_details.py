"""Records that are read one by one: what cannot be had costs one record."""

from __future__ import annotations

import pytest

from registry_sync.models import SyncRun
from registry_sync.source import details
from registry_sync.source import http as exchange
from tests.support.odd import Reply
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL

pytestmark = pytest.mark.once

Status = SyncRun.Status

DETAIL = {"endpoint": {**INCREMENTAL["endpoint"], "detail": {"path": "{id}"}}}
KNOWN = ("id", "modified_at")


@pytest.mark.parametrize("said", [404, 403, 422, "another"])
@pytest.mark.invariant(3)
def test_a_detail_that_cannot_be_had_is_one_error_and_is_asked_for_again(world, serve, said):
    """Neither is the record lost in silence, nor do all others wait for it."""
    records = {f"C-{n:06d}": compound(n) for n in range(21)}
    known = ("id", "modified_at")

    def answer(asked):
        external_id = asked.path.removeprefix("/list").strip("/")
        if not external_id:
            return [{k: r[k] for k in known} for r in since(asked.query.get("since", ""))]
        if external_id != bad:
            return records[external_id]
        return compound(77) if said == "another" else Reply({"detail": "no"}, status=said)

    def since(time):
        return [record for record in records.values() if record["modified_at"] >= time]

    w, bad = world([]), "C-000003"
    detail = {"endpoint": {**INCREMENTAL["endpoint"], "detail": {"path": "{id}"}}}
    w.configure(**{"API URL": serve(answer).url + "/list", "Connector Settings": detail})
    run = w.sync()
    assert (run.status, run.created, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 20, 1)
    error = w.open_errors()["C-000003"]
    assert error.code == "no_detail" and "C-000003 could not be read in full" in error.message
    assert w.sync().failed == 1, "not asked for again"
    bad = ""
    run = w.sync()
    assert (run.status, run.created) == (Status.SUCCEEDED, 1) and not w.open_errors()
    assert w.values()["C-000003"]["SMILES"] == records["C-000003"]["smiles"]
    bad = "C-000004"
    records[bad].update(name="Other", modified_at="2026-01-06T00:00:00Z")
    records["C-000005"].update(modified_at="2026-01-07T00:00:00Z")
    assert set(w.sync() and w.open_errors()) == {bad}
    assert w.values()[bad]["name"] == "Compound 4"
    bad = ""
    assert w.sync().updated == 1 and w.values()["C-000004"]["name"] == "Other"


def listed(w, serve, records, bad, *, size=1000, headers=None):
    """A registry whose list gives ids and times, in pages of `size`; `bad` maps id to a Reply."""

    def answer(asked):
        external_id = asked.path.removeprefix("/list").strip("/")
        if external_id:
            return bad.get(external_id) or records[external_id]
        found = [
            {k: r[k] for k in KNOWN}
            for r in records.values()
            if r["modified_at"] >= asked.query.get("since", "")
        ]
        start = int(asked.query.get("start", 0))
        more = start + size < len(found)
        since = asked.query.get("since", "")
        nxt = f"?start={start + size}&since={since}" if more else None
        return {"items": found[start : start + size], "next": nxt}

    odd = serve(answer)
    w.configure(**{"API URL": odd.url + "/list", "Connector Settings": DETAIL})
    return odd


def test_two_forbidden_records_on_the_last_page_stop_nobody_else(world, serve):
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w, no = world([]), Reply({"detail": "no"}, status=403)
    listed(w, serve, records, {"C-000010": no, "C-000011": no}, size=10)
    for _ in range(3):
        run = w.sync()
    assert run.status == Status.COMPLETED_WITH_WARNINGS, (run.status, run.error, run.read)


@pytest.mark.invariant(3)
def test_two_forbidden_changes_stop_nobody_else(world, serve):
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w, bad = world([]), {}
    listed(w, serve, records, bad)
    assert w.sync().status == Status.SUCCEEDED
    for n in (10, 11):  # 11 set the watermark: it is the overlap
        bad[f"C-{n:06d}"] = Reply({"detail": "no"}, status=404)
        records[f"C-{n:06d}"].update(modified_at=f"2026-01-06T00:00:{n}Z")
    for _ in range(3):
        run = w.sync()
    assert run.status == Status.COMPLETED_WITH_WARNINGS


def test_a_detail_that_redirects_elsewhere_costs_one_record(world, serve):
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w = world([])
    away = Reply({}, status=302, headers={"Location": "https://archive.example.org/x"})
    listed(w, serve, records, {"C-000003": away})
    run = w.sync()
    assert (run.status, run.created) == (Status.COMPLETED_WITH_WARNINGS, 11), (
        run.status,
        run.error,
    )


def test_what_stays_broken_does_not_starve_the_rest(world, serve, monkeypatch):
    monkeypatch.setattr(exchange, "ATTEMPTS", 1)  # each would be waited for, thrice
    monkeypatch.setattr(details, "MOST_BROKEN", 1)
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w, cut = world([]), Reply(b'{"id": ', length=500)
    bad = {"C-000003": Reply({"d": 1}, status=403), "C-000005": Reply({"d": 1}, status=403)}
    listed(w, serve, records, bad)
    assert w.sync().failed == 2
    bad["C-000003"] = cut  # from now on the first one is never answered
    del bad["C-000005"]
    for _ in range(2):
        w.sync()
    assert set(w.open_errors()) == {"C-000003"}


def test_a_detail_whose_connection_breaks_costs_one_record(world, serve):
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w = world([])
    listed(w, serve, records, {"C-000003": Reply(b'{"id": ', length=500)})
    run = w.sync()
    assert (run.status, run.created) == (Status.COMPLETED_WITH_WARNINGS, 11), (
        run.status,
        run.error,
    )


def test_a_pilot_carries_what_can_be_had(world, serve):
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w, bad = world([]), {}
    listed(w, serve, records, bad)
    w.sync()
    bad["C-000003"] = Reply({"detail": "no"}, status=403)
    records["C-000004"].update(name="Other")
    run = w.sync(only=["C-000003", "C-000004"])
    assert run.updated == 1


def test_a_record_missing_from_retry_is_not_a_failed_run(world, serve):
    """All was read; only what is asked for again at the end cannot be had."""
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w, bad = world([]), {}
    bad["C-000003"] = Reply({"detail": "no"}, status=403)
    listed(w, serve, records, bad)
    w.sync()
    bad["C-000003"] = Reply({"detail": "no"}, status=401)
    records["C-000005"].update(name="Other", modified_at="2026-01-07T00:00:00Z")
    w.sync()
    assert w.values()["C-000005"]["name"] == "Other"
    run = w.sync()
    assert run.status == Status.COMPLETED_WITH_WARNINGS, run.error
    assert {id_: e.code for id_, e in w.open_errors().items()} == {"C-000003": "no_detail"}
    assert len(w.values()) == 11
