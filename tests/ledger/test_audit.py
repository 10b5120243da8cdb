"""The auditor: every value ever written, in a chain that shows any tampering."""

from __future__ import annotations

import csv
import io
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from registry_sync.ledger import audit, chain_check, retention, signed_csv
from registry_sync.models import (
    Adoption,
    Allowance,
    Batch,
    ChainHead,
    ChainLink,
    Change,
    Drift,
    EntityError,
    Lane,
    LedgerEntry,
    Refusal,
    Retention,
    RunLog,
    SyncRun,
)
from sandbox.tenant.entities import add_by_hand, edit_by_hand
from tests.support.chain import relink
from tests.support.factories import AllowanceFactory
from tests.support.registry import compound
from tests.support.worlds import APP, FIELDS, INCREMENTAL, PRIVATE, PUBLIC, ROWS, make_key


def command(*words: str) -> str:
    out = io.StringIO()
    call_command("audit", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def synced(world):
    """Twenty compounds, one of them changed twice."""
    w = world([compound(n, weight=n / 7) for n in range(20)])
    w.sync()
    w.registry.edit("C-000007", approval=2001)
    w.sync(trigger=SyncRun.Trigger.COMMAND, actor="mona")
    w.registry.edit("C-000007", smiles=None)
    w.sync()
    return w


def tamper(statement: str) -> None:
    """Change rows past the service, as somebody with the database's password could."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_an_entity_tells_its_whole_story(synced):
    lines = command("--entity", "C-000007").splitlines()
    assert len(lines) == 5 + 1 + 1
    assert "Approval: 1957 → 2001" in lines[5] and "mona" in lines[5]
    assert "SMILES: CCCCCCCC → –" in lines[6] and "schedule" in lines[6]
    entity = synced.tenant.entity("C-000007").id
    assert command("--entity", entity).splitlines() == lines
    with pytest.raises(CommandError, match="Nothing has been written for nobody"):
        command("--entity", "nobody")
    with pytest.raises(CommandError, match="case-sensitive: there is C-000007"):
        command("--entity", "c-000007")


def test_a_file_to_verify_that_is_not_there_is_named(db, tmp_path: Path):
    path = tmp_path / "changes.csv"
    with pytest.raises(CommandError, match=f"The file {path} does not exist\\."):
        command("--verify", str(path))
    path.write_text("")
    with pytest.raises(CommandError, match=f"The file {path}.jws does not exist"):
        command("--verify", str(path))


@pytest.mark.parametrize("until", ["2026-01-31", "2026-01-01"])
def test_a_period_that_holds_no_time_writes_no_file(db, settings, tmp_path: Path, until):
    settings.BENCHLING_PRIVATE_KEY = PRIVATE
    path = tmp_path / "changes.csv"
    with pytest.raises(CommandError, match="--since must be before --until") as refused:
        command("--csv", str(path), "--since", "2026-01-31", "--until", until)
    assert refused.value.returncode == 64 and not list(tmp_path.iterdir())


def test_a_value_tells_the_source_value_the_path_and_the_rule_it_came_by(world, tmp_path: Path):
    given = compound(1, name=" Compound 1 ", smiles=" CCO ", kind="protein", approval=None)
    w = world(
        [given, compound(2, parent="C-000001", approval=1960, big=2**70)],
        fields=[*FIELDS, {"name": "Raw", "type": "json"}],
        rows=[*ROWS, ("Raw", "$")],
        config={"Connector Settings": {**INCREMENTAL, "registry_id_template": "CDD-{id}"}},
    )
    field = {d["name"]: d["id"] for d in w.tenant.schemas[w.schema]["fieldDefinitions"]}
    rules = {
        field["SMILES"]: "trim",
        field["Approval"]: [{"rule": "default", "value": 1900}, {"rule": "unit", "factor": 2}],
    }
    w.configure(**{"Mapping Rules": rules})
    assert w.sync().status == "SUCCEEDED"
    story = command("--entity", "C-000001")
    for told in (
        "registry id: – → CDD-C-000001  (from “C-000001” at id by the rule “CDD-{id}”, run",
        "name: – → Compound 1  (from “ Compound 1 ” at name, run",
        "SMILES: – → CCO  (from “ CCO ” at smiles by the rule “trim”, run",
        "Kind: – → Protein  (from “protein” at kind, run",
        "Approval: – → 3800  (from – at approval by the rule “default (value: 1900), then",
    ):
        assert told in story
    path = tmp_path / "changes.csv"
    command("--csv", str(path))
    with path.open(newline="") as lines:
        rows = {(r["external_id"], r["field"]): r for r in csv.DictReader(lines)}
    row = rows["C-000002", "Parent"]
    assert (row["path"], row["source"], row["rule"]) == ("parent", '"C-000001"', "")
    row = rows["C-000002", "SMILES"]  # not kept twice where it is the value itself
    assert (row["path"], row["source"], row["rule"]) == ("smiles", '"CCC"', '"trim"')
    kept = Change.objects.exclude(source=None).values_list("field", flat=True)
    assert sorted({f for f in kept if kept}) == [
        "Approval", "Kind", "Parent", "SMILES", "name", "registry id"
    ]  # fmt: skip
    assert chain_check.verify_chain(Lane.objects.get()).broken == ""
    tamper("UPDATE registry_sync_change SET source = '[\"aspirin\"]' WHERE field = 'Parent'")
    assert "(C-000002, Parent," in chain_check.verify_chain(Lane.objects.get()).broken


def test_a_mapping_that_changes_during_a_run_stays_told(world, settings):
    settings.BATCH_SIZE = 2
    w = world([compound(n) for n in range(8)], page_size=2)

    def other(pages: int) -> None:
        if pages == 3:  # a new key makes the run read its configuration again
            w.registry.token = "another"
            w.configure(**{"External Name Field": "{name} ({id})", "API Key": "another"})

    w.registry.on_page = other
    run = w.sync()
    assert run.status == "SUCCEEDED", run.error
    paths = {
        c.after: audit.value_origin(c, run).path for c in Change.objects.filter(field_id="name")
    }
    assert paths["Compound 0"] == "name"
    assert paths["Compound 0 (C-000000)"] == paths["Compound 7 (C-000007)"] == "{name} ({id})"


def test_the_chain_is_whole_after_runs_of_every_sort(synced):
    verdict = chain_check.verify_chain(Lane.objects.get())
    assert verdict == chain_check.Verdict(Change.objects.count(), "")
    assert "the chain is intact" in command("--verify")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE registry_sync_change SET actor = 'nobody' WHERE id = (SELECT max(id) - 3 FROM "
        "registry_sync_change)",
        "DELETE FROM registry_sync_change WHERE id = (SELECT max(id) - 3 FROM "
        "registry_sync_change)",
        "DELETE FROM registry_sync_change WHERE id = (SELECT min(id) FROM registry_sync_change)",
    ],
)
def test_tampering_is_named(synced, statement):
    tamper(statement)
    with pytest.raises(CommandError, match=r"Row \d+ \(C-.*does not match") as broken:
        command("--verify")
    assert broken.value.returncode == 1


LAST = "(SELECT max(id) FROM registry_sync_change)"


@pytest.mark.parametrize(
    "statement",
    [
        f"DELETE FROM registry_sync_change WHERE id = {LAST}",
        "DELETE FROM registry_sync_change",
        f"UPDATE registry_sync_change SET digest = 'forged' WHERE id = {LAST}",
    ],
)
def test_a_loss_at_the_end_is_named_and_stays_so(synced, statement):
    tamper(statement)
    with pytest.raises(CommandError, match=r"rows at its end were removed|does not match"):
        command("--verify")
    synced.registry.edit("C-000003", approval=2002)
    synced.sync()  # what comes later does not mend it
    with pytest.raises(CommandError, match=r"rows at its end were removed|does not match"):
        command("--verify")


def test_a_signed_csv_shows_a_history_that_was_written_anew(synced, tmp_path: Path):
    path, lane = tmp_path / "changes.csv", Lane.objects.get()
    command("--csv", str(path))
    Change.objects.filter(actor="mona").update(actor="lisa")
    relink(lane, sign=True)  # as somebody could who has the key, too
    assert "intact" in command("--verify")
    with pytest.raises(CommandError, match=r"\(C-000007\) has been changed since"):
        command("--verify", str(path))


def test_a_csv_of_a_period_is_signed(synced, tmp_path: Path):
    path = tmp_path / "changes.csv"
    today = timezone.now().date()
    said = command("--csv", str(path), "--since", str(today - timedelta(days=1)))
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == Change.objects.count() and f"{len(rows)} changes" in said
    found = [r for r in rows if r["external_id"] == "C-000007" and r["field"] == "Approval"]
    assert [(r["before"], r["after"], r["actor"]) for r in found] == [
        ("null", "1957", ""), ("1957", "2001", "mona"),
    ]  # fmt: skip
    assert "intact" in command("--verify", str(path))
    path.write_text(path.read_text().replace("mona", "lisa"))
    with pytest.raises(CommandError, match="was changed after it was signed"):
        command("--verify", str(path))
    (tmp_path / "changes.csv.jws").write_text("nonsense")
    with pytest.raises(CommandError, match="was not signed by this deployment's key"):
        command("--verify", str(path))


def test_a_signed_csv_names_what_was_deleted_since_but_for_retention(synced, tmp_path: Path):
    path, lane = tmp_path / "changes.csv", Lane.objects.get()
    command("--csv", str(path))
    cut = SyncRun.objects.earliest("pk").finished_at + timedelta(milliseconds=1)
    retention.forget(lane, before=cut, actor="mona", reason="five years are over")
    said = command("--verify", str(path))
    assert "2 are there as they were signed, 100 were deleted by retention" in said
    Change.objects.latest("pk").delete()
    with pytest.raises(CommandError, match=r"Row \d+ of changes.csv \(C-000007\) has been deleted"):
        command("--verify", str(path))


def test_a_csv_of_the_first_version_finds_a_lane_with_a_formula_in_its_name(synced, tmp_path: Path):
    path, lane = tmp_path / "changes.csv", Lane.objects.get()
    Lane.objects.update(schema_name="Lots;'=1")
    command("--csv", str(path))
    with path.open(newline="") as lines:
        rows = [row[: len(signed_csv.EXPORTED)] for row in csv.reader(lines)]
    for row in rows[1:]:
        row[1] = row[1].replace(";''", ";'")
    with path.open("w", newline="") as out:
        csv.writer(out).writerows(rows)
    signed_csv.sign_file(path, PRIVATE)
    cut = SyncRun.objects.earliest("pk").finished_at + timedelta(milliseconds=1)
    retention.forget(lane, before=cut, actor="mona", reason="five years are over")
    said = command("--verify", str(path))
    assert "2 are there as they were signed, 100 were deleted by retention" in said


def test_somebody_without_this_service_verifies_a_csv(synced, tmp_path: Path, monkeypatch, capsys):
    path, key = tmp_path / "changes.csv", tmp_path / "public.pem"
    command("--csv", str(path))
    key.write_text(PUBLIC)
    page = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
    program = page.partition("```python\n")[2].partition("```")[0]
    monkeypatch.setattr(sys, "argv", ["verify.py", str(path), str(key)])
    exec(program, {})
    assert "The signature is valid." in capsys.readouterr().out
    path.write_text(path.read_text().replace("mona", "lisa"))
    with pytest.raises(AssertionError, match="changed after it was signed"):
        exec(program, {})


def test_an_earlier_key_is_given_to_verify_what_it_signed(synced, settings, tmp_path: Path):
    path, key = tmp_path / "changes.csv", tmp_path / "old.pem"
    command("--csv", str(path))
    settings.BENCHLING_PRIVATE_KEY, public = make_key()
    with pytest.raises(CommandError, match=r"give its public key with --key"):
        command("--verify")
    key.write_text(PUBLIC)
    assert "intact" in command("--verify", str(path), "--key", str(key))
    synced.tenant.apps[APP]["public_key"] = public
    synced.configure(**{"API Key": synced.registry.token})
    synced.registry.edit("C-000003", approval=2002)
    synced.sync()  # from here on the new key signs
    assert "The first 102 changes were there before this key signed" in command("--verify")
    key.write_text("nonsense")
    with pytest.raises(CommandError, match="is not a key in PEM format") as refused:
        command("--verify", "--key", str(key))
    assert refused.value.returncode == 64


def test_retention_is_logged_and_the_chain_goes_on(synced):
    first = SyncRun.objects.earliest("pk")
    cut = first.finished_at + timedelta(milliseconds=1)
    kept = Change.objects.exclude(run=first).count()
    lane = Lane.objects.get()
    assert retention.forget(lane, before=cut, actor="mona", reason="five years are over") > 0
    assert Change.objects.count() == kept == 2
    assert chain_check.verify_chain(lane) == chain_check.Verdict(2, "")
    row = Retention.objects.get()
    assert (row.actor, row.reason) == ("mona", "five years are over")
    assert "by mona: five years are over" in command("--verify")
    said = LogEntry.objects.get()
    assert said.user.username == "manage.py" and not said.user.is_active
    assert "mona deleted 100 changes before" in said.change_message
    synced.registry.edit("C-000003", approval=2002)
    synced.sync()
    assert chain_check.verify_chain(lane) == chain_check.Verdict(3, "")
    with pytest.raises(CommandError) as refused:
        command("--forget-before", "2026-01-01")
    assert refused.value.returncode == 64


HISTORY = (Change, SyncRun, RunLog, Batch, LedgerEntry, EntityError, Adoption, Drift, Allowance,
           Retention, ChainHead, ChainLink)  # fmt: skip


@pytest.fixture
def whole_history(synced):
    """The twenty, and a row of everything else that is history."""
    w, lane = synced, Lane.objects.get()
    w.tenant.clock.advance(3600)
    edit_by_hand(w.tenant, w.tenant.entity("C-000003"), Approval=1900)
    row = {"entityRegistryId": "C-000021", "name": "By hand", "schemaId": w.schema, "fields": {},
           "registryId": w.benchling_registry}  # fmt: skip
    add_by_hand(w.tenant, row)
    w.registry.records.append(compound(21))
    w.sync(kind=SyncRun.Kind.FULL)
    AllowanceFactory(lane=lane)
    retention.forget(lane, before=timezone.now() - timedelta(days=9), actor="mona", reason="old")
    old = Change.objects.earliest("pk").at + timedelta(microseconds=1)
    retention.forget(lane, before=old, actor="mona", reason="old")
    return w


def test_nobody_edits_or_deletes_history_in_the_admin(whole_history, admin_client):
    def held() -> dict[str, list]:
        return {m.__name__: list(m.objects.order_by("pk").values()) for m in (*HISTORY, Lane)}

    before = held()
    assert all(before.values()), [name for name, rows in before.items() if not rows]
    for model in (*HISTORY, Lane):
        row, name = model.objects.latest("pk"), model._meta.model_name
        page = f"/admin/registry_sync/{name}"
        words = {"actor": "nobody", "reason": "none", "tenant": "t", "external_id": "X", "after": 1}
        admin_client.post(f"{page}/{row.pk}/delete/", {"post": "yes"})
        admin_client.post(f"{page}/", {"action": "delete_selected", "post": "yes",
                                       "_selected_action": [row.pk]})  # fmt: skip
        if model is not Lane:
            admin_client.post(f"{page}/{row.pk}/change/", words)
    with CaptureQueriesContext(connection) as asked:
        page = f"/admin/registry_sync/lane/{Lane.objects.get().pk}/change/"
        admin_client.post(page, {"drift_policy": "leave", "tenant": "t", "kept": "[1]"})
    (update,) = [q["sql"] for q in asked if q["sql"].startswith('UPDATE "registry_sync_lane"')]
    assert update.count("=") == 2  # what a run is writing there meanwhile stays
    before["Lane"][0]["drift_policy"] = "leave"
    assert held() == before


@pytest.mark.once
def test_a_spreadsheet_computes_no_cell_of_the_csv(world, tmp_path: Path):
    ids = ["=HYPERLINK(1)", "＝1", "@a"]
    records = [compound(n, id=id_, name=f"{id_} x", approval=-n) for n, id_ in enumerate(ids, 1)]
    world(records).sync()
    path = tmp_path / "changes.csv"
    command("--csv", str(path))
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["external_id"] for row in rows} == {f"'{id_}" for id_ in ids}
    assert {row["after_label"] for row in rows if row["field"] == "name"} == {
        f"'{id_} x" for id_ in ids
    }
    for row in rows:  # but the numbers stay numbers
        cells = {key: cell for key, cell in row.items() if not cell.lstrip("-").isdigit()}
        assert not any(cell[:1] in tuple("=+-@＝＋－＠\t\r\n") and cell for cell in cells.values())
    assert {row["after"] for row in rows if row["field"] == "Approval"} == {"-1", "-2", "-3"}
    command("--verify", str(path))


def test_a_deletion_whose_user_is_gone_is_a_note_where_the_head_is_signed(synced, settings):
    lane, cut = Lane.objects.get(), timezone.now()
    user = User.objects.create_user("mona")
    retention.forget(lane, before=cut, actor="mona", reason="five years are over")
    assert not chain_check.verify_chain(lane).notes
    user.delete()  # Django deletes the entries of the admin's log with it
    assert not LogEntry.objects.exists()
    said = "is not in the admin's log"
    settings.BENCHLING_PRIVATE_KEY, key = "", settings.BENCHLING_PRIVATE_KEY
    assert said in chain_check.verify_chain(lane).broken
    settings.BENCHLING_PRIVATE_KEY = key
    synced.registry.edit("C-000003", approval=2002)
    synced.sync()
    verdict = chain_check.verify_chain(lane)
    assert not verdict.broken and said in verdict.notes[0]
    assert said in command("--verify")


def test_retention_deletes_what_no_open_error_and_no_later_run_shows(synced):
    w = synced
    for id_ in ("C-000001", "C-000002", "C-000003"):
        w.registry.edit(id_, kind="Peptide")
    old = w.sync()
    w.sync(kind=SyncRun.Kind.RETRY)
    w.registry.edit("C-000001", kind="Protein")
    w.registry.edit("C-000002", kind="Protein", name="")
    w.sync()
    w.registry.edit("C-000003", kind="Protein")
    last = w.sync()
    shown = set(Refusal.objects.filter(run=last).values_list("external_id", flat=True))
    command("--forget-before", f"{timezone.now():%Y-%m-%d}", "--reason", "old")
    assert Refusal.objects.filter(run=old).count() == 3  # of today
    SyncRun.objects.exclude(pk=last.pk).update(finished_at=timezone.now() - timedelta(days=9))
    said = command("--forget-before", f"{timezone.now():%Y-%m-%d}", "--reason", "old")
    assert "refusals of runs before that day" in said
    assert not Refusal.objects.filter(run=old, external_id="C-000001").exists()
    assert Refusal.objects.filter(external_id="C-000002").exists()  # its error is open
    assert shown == set(Refusal.objects.filter(run=last).values_list("external_id", flat=True))
