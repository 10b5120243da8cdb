"""Both sides compared: what is said, what exits how, and what a stranger can verify."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import tracemalloc
from contextlib import suppress
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command
from rq.timeouts import JobTimeoutException

from registry_sync import runs
from registry_sync.core.stopping import Stopping
from registry_sync.desk.reconciliations import comparison_verdict
from registry_sync.ledger import pins
from registry_sync.ledger.pins import FieldDifference
from registry_sync.models import (
    Drift,
    Lane,
    LedgerEntry,
    ReconciledRecord,
    Reconciliation,
    SyncRun,
)
from registry_sync.source.pages import Page, Sign
from registry_sync.sync.clients import client_of_settings, plain_source
from registry_sync.sync.reconcile import record
from registry_sync.sync.reconcile.reading_doubts import MOVED, ReadingDoubts
from sandbox.tenant.entities import merge_by_hand
from tests.support import ROOT
from tests.support.entities import compounds, of_type
from tests.support.factories import MergeFactory, ReconciledRecordFactory
from tests.support.history import keep_history, rows
from tests.support.people import by_hand, hand
from tests.support.registry import compound
from tests.support.worlds import PUBLIC

FULL = SyncRun.Kind.FULL
pytestmark = pytest.mark.once


def reconcile(**options) -> tuple[int, str]:
    """Return the command's exit status and what it wrote."""
    out = io.StringIO()
    try:
        call_command("reconcile", stdout=out, **options)
    except SystemExit as end:
        return int(end.code), out.getvalue()
    return 0, out.getvalue()


def as_json() -> dict:
    return json.loads(reconcile(json=True)[1])


@pytest.fixture
def both(world):
    """Twelve compounds: one of each kind that differs, and links within the schema."""
    records = [compound(n) for n in range(12)]
    records[2]["parent"] = "C-000001"
    w = world(records)
    w.sync()
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000003", Approval=1900, name="Aspirin")
    w.registry.edit("C-000004", approval=2001)  # and not synced yet
    by_hand(w, "C-000005", archived="Retired")
    w.registry.records.append(compound(12))
    w.registry.records.append(compound(13, kind="Peptide"))
    w.registry.records[:] = [r for r in w.registry.records if r["id"] != "C-000006"]
    hand(w, "HAND-1", "Made by hand")
    return w


def test_equal_sides_exit_0_and_nothing_is_written(world):
    w = world([compound(n, parent="C-000000" if n else None) for n in range(5)])
    w.sync()
    before, endpoints = w.written(), dict(w.tenant.endpoints)
    status, said = reconcile()
    assert status == 0 and re.search(r"5  equal", said)
    assert w.written() == before
    new = {name for name in w.tenant.endpoints if w.tenant.endpoints[name] > endpoints.get(name, 0)}
    assert all(name.startswith("GET ") or "token" in name for name in new), new


def test_every_kind_of_difference_is_counted_and_named(both):
    said = as_json()
    counts = said["counts"]
    assert counts.pop("registry_total") == 13
    assert {k: v for k, v in counts.items() if v} == {
        "registry": 13, "benchling": 12, "equal": 8, "differing": 2, "missing": 1, "extra": 2,
        "archived": 1, "refused": 1,
    }  # fmt: skip
    parts = ("equal", "differing", "accepted", "missing", "archived", "refused", "left", "merged")
    assert counts["registry"] == sum(counts[name] for name in parts)
    rows = {row["external_id"]: row for row in said["records"]}
    assert {id_: row["state"] for id_, row in rows.items()} == {
        "C-000003": "differing", "C-000004": "differing", "C-000005": "archived",
        "C-000006": "extra", "C-000012": "missing", "C-000013": "refused", "HAND-1": "extra",
    }  # fmt: skip
    found = {d["field"]: d for d in rows["C-000003"]["differences"]}
    assert (found["Approval"]["benchling"], found["Approval"]["registry"]) == (1900, 1953)
    assert found["name"]["benchling"] == "Aspirin"
    named = r"Ada Byron in Benchling \(\d{4}-\d\d-\d\d \d\d:\d\d UTC\)"
    assert re.fullmatch(named, found["name"]["last_written_by"])
    (unsynced,) = rows["C-000004"]["differences"]
    run = LedgerEntry.objects.get(external_id="C-000004").written_run_id
    assert unsynced["last_written_by"] == f"Registry Sync, run {run}; the registry changed since"
    assert rows["C-000006"]["note"] == "created by this app"
    assert rows["HAND-1"]["note"] == "created by someone else"
    assert "Peptide" in rows["C-000013"]["note"]
    status, text = reconcile()
    assert status == 2 and "Approval: “1900” in Benchling, “1953” in the registry" in text
    assert Reconciliation.objects.count() == 2 and ReconciledRecord.objects.count() == 7


def test_what_was_accepted_is_counted_apart(both):
    row = next(r for r in as_json()["records"] if r["external_id"] == "C-000003")
    given = [
        FieldDifference(row["external_id"], row["benchling_id"], each["field_id"], each["field"],
                        each["benchling"], each["registry"])
        for each in row["differences"]
    ]  # fmt: skip
    pins.accept(Lane.objects.get(), given, actor="mona", reason="Measured")
    said = as_json()
    assert said["counts"]["accepted"] == 1 and said["counts"]["differing"] == 1
    assert {r["external_id"] for r in said["records"] if r["state"] == "accepted"} == {"C-000003"}
    assert not Drift.objects.exists()


def test_a_stranger_verifies_the_statement_by_the_lines_of_the_docs(both, tmp_path):
    statement, table = tmp_path / "statement.json", tmp_path / "differences.csv"
    status, said = reconcile(statement=statement, csv=table)
    assert status == 2 and str(statement) in said
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8-sig"))))
    assert len(rows) == 8
    found = {(row["external id"], row["field"]): row["value in Benchling"] for row in rows}
    assert found["C-000003", "Approval"] == "1900"
    page = (ROOT / "docs" / "reconcile.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    (tmp_path / "verify.py").write_text(code, encoding="utf-8")
    (tmp_path / "public.pem").write_text(PUBLIC, encoding="utf-8")

    def verify() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "verify.py", "statement.json", "public.pem"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip

    good = verify()
    assert good.returncode == 0 and "'differing': 2" in good.stdout, good.stderr
    kept = table.read_text(encoding="utf-8")
    table.write_text(kept.replace("1900", "1901"), encoding="utf-8")
    assert "was changed" in verify().stderr
    table.write_text(kept, encoding="utf-8")
    statement.write_text(statement.read_text().replace('"differing": 2', '"differing": 0'))
    assert "changed after it was signed" in verify().stderr


def test_what_it_cannot_do_it_says(both, settings, tmp_path):
    with pytest.raises(CommandError, match="There is no lane ") as wrong:
        call_command("reconcile", lane="Plasmid")
    assert wrong.value.returncode == 64
    both.configure(**{"API Key": "another"})
    with pytest.raises(CommandError, match="API Key") as failed:
        call_command("reconcile")
    assert failed.value.returncode == 1
    assert "API Key" in Reconciliation.objects.latest("pk").trouble
    settings.BENCHLING_PRIVATE_KEY = ""
    with pytest.raises(CommandError) as unsigned:
        call_command("reconcile", statement=tmp_path / "s.json")
    assert unsigned.value.returncode == 1


def test_memory_does_not_grow_with_the_registry(world):
    def peak(count: int) -> int:
        w.registry.records[:] = [compound(n, approval=1) for n in range(count)]
        tracemalloc.start()
        assert reconcile()[0] == 2
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    w = world([compound(n) for n in range(20)], page_size=100)
    w.sync()
    peak(100)  # imports and caches
    small, large = peak(200), list[int]()
    # What other threads hold at that moment comes and goes: a third of the limit.
    while len(large) < 3 and not (large and large[-1] < small + 1_000_000):
        large.append(peak(1200))
    assert large[-1] < small + 1_000_000, f"{small:,} → {large}"


def test_structures_are_compared_as_benchling_keeps_them(world):
    w = of_type(world, "molecule", compounds("CCO", "OC(=O)c1ccccc1.[Na+]", "CCN"))
    w.sync()
    assert reconcile()[0] == 0
    entity = w.tenant.entity("C-3")
    entity.parts.update(originalSmiles="CCCl", canonicalizedSmiles="CCCl")
    said = as_json()
    assert said["counts"]["differing"] == 1
    (found,) = said["records"][0]["differences"]
    assert (found["field_id"], found["benchling"]) == ("structure", "CCCl")
    row = ReconciledRecord.objects.get()
    (difference,) = pins.compared_differences(row)
    assert pins.accept(row.lane, [difference], actor="mona", reason="Drawn again")
    assert as_json()["counts"]["accepted"] == 1
    difference = replace(difference, compared=0)  # of the row, it is decided
    assert pins.restore(row.lane, [difference], actor="mona", reason="No") == [difference]
    assert w.sync(only=["C-3"]).updated == 1
    assert reconcile()[0] == 0


def test_one_of_several_lanes_is_named(world):
    w = world([compound(n) for n in range(3)])
    w.add_lane("Lot", [compound(n, id=f"L-{n}", name=f"Lot {n}") for n in range(2)])
    schema = keep_history(w)
    for _ in range(2):  # the first reads the configuration, and requests a run for each lane
        with suppress(SystemExit):
            call_command("sync_registry", stdout=io.StringIO())
    assert {row["lane"] for row in rows(w)} == {"Compound", "Lot"}
    assert all(row["schemaId"] == schema for row in w.tenant.results.values())
    with pytest.raises(CommandError, match="--lane") as unnamed:
        call_command("reconcile")
    assert unnamed.value.returncode == 64
    status, said = reconcile(lane="Lot", json=True)
    assert status == 0 and json.loads(said)["lane"] == "Lot"
    assert json.loads(said)["counts"]["equal"] == 2
    assert reconcile(lane="Compound")[0] == 0


def test_what_follows_a_survivor_is_counted_apart(world):
    w = world([compound(0, parent="C-000001"), compound(1), compound(2)])
    run = w.sync()
    lane = Lane.objects.get()
    merge_by_hand(w.tenant, w.tenant.entity("C-000001"), w.tenant.entity("C-000002"))
    assert as_json()["counts"]["missing"] == 1
    MergeFactory(
        lane=lane, external_id="C-000001", entity_id="bfi_1", entity_registry_id="C-000001",
        name="x", survivor_id="bfi_2", survivor_registry_id="C-000002", survivor_name="y",
        state="followed", found_run=run, found_at=run.created_at,
    )  # fmt: skip
    counts = as_json()["counts"]
    assert (counts["missing"], counts["merged"], counts["equal"]) == (0, 1, 2)


def test_what_was_not_read_whole_is_not_equal(world):
    w = world([compound(n) for n in range(3)])
    w.sync()
    table = {
        "says it has 5 records, but only 3 distinct": lambda: setattr(
            w.registry, "total", lambda found: 5
        ),
        "1 record came again under the same id": lambda: (
            setattr(w.registry, "total", lambda found: 3),
            w.registry.records.append(compound(1, approval=9)),
        ),
    }
    for text, change in table.items():
        change()
        status, said = reconcile(json=True)
        found = json.loads(said)
        assert (status, found["equal"], found["counts"]["equal"]) == (2, False, 3), text
        assert text in " ".join(found["doubts"]) and text in reconcile()[1]
    assert comparison_verdict(Reconciliation.objects.latest("pk")) == "equal as far as it was read"


def test_signs_and_a_list_that_moves_are_doubts():
    doubts = ReadingDoubts()
    blank = Page([], {}, None, None, None, 0)
    doubts.note(blank)
    assert doubts.sentences(0) == []
    doubts.note(replace(blank, signs=(Sign("cut", "There is more.", "The owner asks."),)))
    doubts.note(replace(blank, slid=True))
    assert doubts.sentences(0) == ["There is more. The owner asks.", MOVED]


def test_a_lane_that_is_configured_otherwise_now_is_not_compared(world):
    w = world([compound(n) for n in range(3)])
    w.sync()
    w.configure(**{"API URL": w.registry.url.replace("/compounds", "/others")})
    with pytest.raises(
        CommandError, match=r"no longer describes the lane .* Start a run"
    ) as failed:
        call_command("reconcile")
    assert failed.value.returncode == 1


@pytest.fixture
def lane(world):
    w = world([compound(n) for n in range(3)])
    w.sync()
    by_hand(w, "C-000001", Approval=1900)
    assert reconcile()[0] == 2
    return Lane.objects.get()


def compare(row: Reconciliation, open_source=plain_source) -> Reconciliation:
    record.work(row, client_of_settings(), open_source)
    return Reconciliation.objects.get(pk=row.pk)


def held() -> list[int]:
    """Return the comparisons of the records that are kept, one for each record."""
    rows = ReconciledRecord.objects.order_by("pk")
    return list(rows.values_list("reconciliation_id", flat=True))


def test_comparisons_of_a_lane_leave_each_other_alone(lane):
    first = record.begin_comparison(lane, actor="mona")
    left = {"reconciliation": first, "lane": lane, "state": "missing", "external_id": "C-9"}
    ReconciledRecordFactory(**left)  # by a worker that died
    second = record.begin_comparison(lane, actor="mona")
    first.refresh_from_db()
    assert first.trouble == record.OVERTAKEN and first.finished_at is not None
    assert held() == [second.pk - 2]
    ReconciledRecordFactory(**left | {"reconciliation": second})
    assert compare(second).counts["differing"] == 1 and held() == [second.pk]
    assert compare(first).trouble == record.OVERTAKEN and held() == [second.pk]
    third = record.begin_comparison(lane, actor="mona")

    def overtaken(setup):
        record.begin_comparison(lane, actor="ada")
        return plain_source(setup)

    assert compare(third, overtaken).trouble == record.OVERTAKEN and held() == [second.pk]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Stopping(), "asked to stop"), (JobTimeoutException("x"), "than a worker's job may"),
        (RuntimeError("x"), r"internal error \(RuntimeError\)"),
    ],
)  # fmt: skip
def test_whatever_ends_a_comparison_is_its_trouble(lane, error, said):
    before = held()

    def broken(setup):
        raise error

    row = compare(record.begin_comparison(lane, actor="mona"), broken)
    assert re.search(said, row.trouble) and row.finished_at is not None and held() == before


def test_a_run_that_starts_meanwhile_is_named(lane):
    begun = []

    def meanwhile(setup):
        begun.append(runs.request_run(kind=FULL, trigger="admin")[0])
        return plain_source(setup)

    assert (
        compare(record.begin_comparison(lane, actor="mona"), meanwhile).active_run_id == begun[0].pk
    )
