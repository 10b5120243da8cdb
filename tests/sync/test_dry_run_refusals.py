"""A dry run names every record that it would refuse, by cause: log, page, list, CSV, command."""

from __future__ import annotations

import csv
import html
import io
import re

import pytest
from django.core.management import call_command
from django.urls import reverse

from registry_sync.models import EntityError, RunLog, SyncRun
from sandbox.tenant.entities import add_by_hand
from tests.support.registry import compound

Kind = SyncRun.Kind


def some_refused(world):
    """Give a world of 320 records: 36 of taken names and 3 of other causes; new are the others."""
    records = [compound(n) for n in range(320)]
    for n in range(36):
        records[200 + n]["name"] = f"Compound {n}"
    records[250]["approval"] = "x"
    records[251]["parent"] = "NOWHERE"
    w = world(records)
    other = w.tenant.add_schema("Other", w.benchling_registry, fields=[])
    add_by_hand(w.tenant, {"entityRegistryId": "X1", "name": "Compound 260", "schemaId": other,
                           "registryId": w.benchling_registry})  # fmt: skip
    return w, {f"C-{n:06d}" for n in [*range(200, 236), 250, 251, 260]}


@pytest.mark.invariant(8)
def test_every_refused_record_is_named_on_every_face(world, owner):
    w, wanted = some_refused(world)
    run = w.sync(kind=Kind.DRY_RUN)
    assert (run.failed, run.created) == (39, 281) and w.written() == 0
    assert not EntityError.objects.exists()

    log = list(RunLog.objects.filter(run=run).order_by("pk").values_list("text", flat=True))
    found = [re.match(r"(C-\d+) would be (refused|created)", text) for text in log]
    order = [match[2] for match in found if match]
    assert {match[1] for match in found if match and match[2] == "refused"} == wanted
    assert order == ["refused"] * 39 + ["created"] * 200, "refusals first, changes as a sample"
    for count in ("36 records", "1 record"):  # one of them a Benchling admin frees
        said = f"{count} would be refused: name already used in this"
        assert any(said in text for text in log)
    assert any("200 of 281 changes" in text for text in log)

    page = owner.get(reverse("admin:registry_sync_syncrun_change", args=[run.pk]))
    text = html.unescape(page.content.decode())
    for title in ("name already used in this Benchling registry", "value of the wrong type",
                  "linked record not in Benchling yet"):  # fmt: skip
        assert title in text
    listed = reverse("admin:registry_sync_syncrun_records", args=[run.pk, "failed"])
    pages = [owner.get(listed, {"code": "name_taken", "p": p}).content.decode() for p in (1,)]
    assert set(re.findall(r">(C-\d+)<", pages[0])) == wanted - {"C-000250", "C-000251"}
    first = owner.get(listed).content.decode()
    assert len(set(re.findall(r">(C-\d+)<", first))) == 39 and "only counts" not in first

    for name, column in (("errors_csv", "message"), ("records_csv", "why")):
        url = reverse(f"admin:registry_sync_syncrun_{name}", args=[run.pk])
        body = b"".join(owner.get(url, {"outcome": "failed"}).streaming_content).decode()
        rows = list(csv.DictReader(io.StringIO(body.lstrip("\ufeff"))))
        assert {row["external id"] for row in rows} == wanted and all(row[column] for row in rows)

    real = w.sync()
    assert (real.failed, real.created) == (39, 281)
    assert set(w.open_errors()) == wanted
    said = {r.external_id: (r.code, r.kind) for r in run.refusals.all()}
    assert said == {e.external_id: (e.code, e.kind) for e in w.open_errors().values()}


@pytest.mark.invariant(8)
def test_what_earlier_runs_refused_is_named_by_a_dry_run_too(world):
    records = [compound(n) for n in range(3)]
    records[1]["approval"] = "x"
    w = world(records)
    w.sync()
    dry = w.sync(kind=Kind.DRY_RUN, reads_all=True)
    (refusal,) = dry.refusals.all()
    error = w.open_errors()["C-000001"]
    assert (refusal.external_id, refusal.code) == ("C-000001", error.code)
    assert refusal.message == error.message and refusal.error is None
    assert EntityError.objects.count() == 1 and error.times_seen == 1


@pytest.mark.once
def test_the_command_names_refusals_first(world):
    w, wanted = some_refused(world)
    for options in ((), ("--details",)):
        out = io.StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("sync_registry", "--dry-run", *options, stdout=out)
        assert ended.value.code == 2 and w.written() == 0
        text = out.getvalue()
        refused = re.findall(r"^(C-\d+): refused$", text, re.MULTILINE)
        assert set(refused) == wanted and len(refused) == 39
        assert "36 records would be refused: name already used" in text
        assert "1 record would be refused: name already used" in text
        created = re.findall(r"^(C-\d+): created$", text, re.MULTILINE)
        assert len(created) == (281 if options else 0)
        if created:
            assert text.index(f"{refused[-1]}: refused") < text.index(f"{created[0]}: created")
