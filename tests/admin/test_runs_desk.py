"""The pages of runs: what each did, to which records, and what a person may do with it."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from registry_sync import runs
from registry_sync.desk import csv_export as csvs
from registry_sync.jobs import runner as jobs
from registry_sync.models import EntityError, Refusal, SyncRun
from tests.support.desk import old_runs, read
from tests.support.factories import CanvasFactory
from tests.support.listeners import Interrupt
from tests.support.registry import compound

LIST = reverse("admin:registry_sync_syncrun_changelist")


def page(run: SyncRun) -> str:
    return reverse("admin:registry_sync_syncrun_change", args=[run.pk])


def do(run: SyncRun, what: str) -> str:
    return reverse("admin:registry_sync_syncrun_do", args=[run.pk, what])


def listed(client: Client, run: SyncRun, outcome: str) -> set[str]:
    """Give the external ids that a count's own page lists."""
    url = reverse("admin:registry_sync_syncrun_records", args=[run.pk, outcome])
    html = client.get(url).content.decode()
    return set(re.findall(r"C-\d{6}(?=</a>)", html))


def table(client: Client, run: SyncRun, what: str) -> list[dict[str, str]]:
    """Read one of a run's CSVs as a spreadsheet would."""
    answer = client.get(reverse(f"admin:registry_sync_syncrun_{what}_csv", args=[run.pk]))
    assert answer["Content-Type"].startswith("text/csv") and answer.streaming
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


FORMULA = "=HYPERLINK(1)"
REASON = {"decided": "yes", "reason": "Wanted"}


@pytest.fixture
def told(world):
    """A first run with two refusals, and a second that changes one record and refuses one."""
    w = world([compound(n) for n in range(10)])
    w.registry.record("C-000003")["kind"] = FORMULA
    w.registry.record("C-000004")["kind"] = "Peptide"
    first = w.sync()
    w.registry.edit("C-000001", smiles="N", approval=1999)
    w.registry.edit("C-000003", smiles="O")
    return w, first, w.sync()


def test_a_runs_page_and_the_list_tell_what_it_did(told, owner, viewer):
    _w, first, second = told
    text = read(owner, page(second))
    for said in (
        "with warnings", "incremental", f"what changed since {second.since:%Y-%m-%d}",
        f"{second.session_id} , closed", "SMILES smiles as is", "Approval approval as is",
        "Record id: id . Name: name .", "1 1 option missing in a Benchling dropdown", FORMULA,
        "C-000001 SMILES: CC → N", "3 records read: 0 created, 1 changed, 1 unchanged, 1 refused.",
        "To schema Compound",
    ):  # fmt: skip
        assert said in text, said
    assert re.search(r"pull [\d.]+ s, \d+ % read the registry", text)
    assert "drift not needed" in text
    assert "because this is the lane's first run" in read(owner, page(first))
    # The list of runs.
    by_hand, _ = runs.request_run(
        kind=SyncRun.Kind.DRY_RUN, trigger=SyncRun.Trigger.ADMIN, actor="Olivia"
    )
    text = read(viewer, LIST)
    assert "dry run admin, Olivia" in text and "full schedule" in text and "queued" in text
    assert "10 read 8 created 2 refused" in text and "the beginning" in text
    only = read(viewer, f"{LIST}?kind__exact=full")
    assert f"Run {first.pk} " in only and f"Run {second.pk} " not in only
    assert f"Run {by_hand.pk} " in read(viewer, f"{LIST}?status__exact=QUEUED&trigger__exact=admin")
    year = timezone.now().year
    assert f"Run {second.pk} " in read(viewer, f"{LIST}?created_at__year={year}")
    assert "0 runs" in read(viewer, f"{LIST}?created_at__year={year - 1}")


def test_a_stopped_run_tells_in_which_phase_and_what_was_not_reached(world, owner):
    w = world([compound(n) for n in range(3)])
    w.registry.token = "other"
    text = read(owner, page(w.sync()))
    assert re.search(r"configure (done|[\d.]+ s)", text) and "drift not needed" in text
    assert "pull failed here" in text
    for later in ("compare", "upsert", "retry", "report"):
        assert f"{later} not reached" in text, later
    assert "done, or not needed" not in text, "the times of a run that failed are kept"
    w.registry.token = "key"
    w.configure(**{"API Key": ""})
    text = read(owner, page(w.sync()))
    assert "configure failed here" in text
    for later in ("rebuild", "drift", "pull", "compare", "upsert", "retry", "report"):
        assert f"{later} not reached" in text, later
    run, _ = runs.request_run(kind=SyncRun.Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    runs.cancel(run, actor="Olivia", reason="Not now")
    assert "configure not reached" in read(owner, page(run)), "it was never begun"


@pytest.mark.once
def test_a_run_with_warnings_of_earlier_runs_says_so(told, owner):
    w, first, second = told
    errors = f'still open. <a href="{reverse("admin:registry_sync_entityerror_changelist")}">'
    third = w.sync()
    assert third.status == "COMPLETED_WITH_WARNINGS"
    assert errors in owner.get(page(third)).content.decode()
    assert "earlier runs" not in owner.get(page(first)).content.decode()
    assert "1 record refused by earlier runs is still open." in read(owner, page(second))
    w.tenant.add_option(w.kinds, "Peptide")
    w.tenant.add_option(w.kinds, FORMULA)
    w.sync()
    assert not w.open_errors()
    assert "refused by earlier runs is still" not in read(owner, page(third))


@pytest.mark.once
def test_statuses_are_told_in_the_desks_words_everywhere(told, owner):
    _w, first, second = told
    text = read(owner, LIST)
    assert " With warnings " in text and "Completed With Warnings" not in text
    assert f"Run {second.pk} " in read(owner, f"{LIST}?status__exact=COMPLETED_WITH_WARNINGS")
    batch = first.batches.first()
    canvas = CanvasFactory(run=first, drawn_run=first, drawn_status=first.status)
    for row in (batch, canvas):
        name = row._meta.model_name
        for url in (
            reverse(f"admin:registry_sync_{name}_changelist"),
            reverse(f"admin:registry_sync_{name}_change", args=[row.pk]),
        ):
            text = read(owner, url)
            assert "with warnings" in text, url
    assert "COMPLETED_WITH" not in read(owner, reverse("admin:registry_sync_canvas_changelist"))
    assert "COMPLETED_WITH" not in read(owner, reverse("admin:registry_sync_batch_changelist"))


def test_counts_and_csvs_hold_exactly_those_records(told, owner):
    _w, first, second = told
    ids = {f"C-{n:06d}" for n in range(10)}
    assert listed(owner, first, "created") == ids - {"C-000003", "C-000004"}
    assert listed(owner, second, "updated") == {"C-000001"}
    assert listed(owner, second, "failed") == {"C-000003"}
    assert listed(owner, second, "unchanged") == {"C-000009"}
    assert listed(owner, first, "updated") == set()
    assert listed(owner, first, "failed") == {"C-000003", "C-000004"}, "and so it stays"
    url = reverse("admin:registry_sync_syncrun_records", args=[first.pk, "failed"])
    assert "can no longer be listed" not in read(owner, url)
    records = table(owner, first, "records")
    assert len(records) == 10 and {r["outcome"] for r in records} == {"created", "failed"}
    outcomes = [r["outcome"] for r in table(owner, second, "records")]
    assert sorted(outcomes) == ["failed", "unchanged", "updated"]  # two values, one record
    [error] = table(owner, second, "errors")
    assert (error["external id"], error["cause"]) == ("C-000003", "dropdown_option_missing")
    assert error["value"] == f"'{FORMULA}"  # no spreadsheet computes it
    assert error["waits for"].startswith("option ")
    assert error["what it waits for"].startswith("waits for the option “")
    changes = table(owner, second, "changes")
    assert [(c["field"], c["before"], c["after"]) for c in changes] == [
        ("SMILES", "CC", "N"), ("Approval", "1951", "1999"),
    ]  # fmt: skip


def test_what_a_run_refused_stays_what_it_refused(told, owner):
    """Its page, records and CSVs are the same after the errors changed, were dismissed or ended."""
    w, first, second = told
    records = reverse("admin:registry_sync_syncrun_records", args=[first.pk, "failed"])

    def told_of(run) -> tuple:
        html = owner.get(page(run)).content.decode()
        refused = html[html.index('<h2 id="refused">') : html.index('<h2 id="changes">')]
        rows = [
            re.sub(r"<td>\d+</td>(?=<th)", "", row) for row in re.findall("<tr>.*?</tr>", refused)
        ]
        return rows, table(owner, run, "errors"), table(owner, run, "records"), read(owner, records)

    before = told_of(first)
    assert {row["external id"] for row in before[1]} == {"C-000003", "C-000004"}
    assert "Peptide" in before[1][1]["message"] and "2 counted by the run" in before[3]
    w.registry.edit("C-000004", kind=None, name="")  # refused for another cause
    third = w.sync()
    causes = {row["external id"]: row["cause"] for row in table(owner, third, "errors")}
    assert causes["C-000004"] == "name_missing"
    EntityError.objects.filter(external_id="C-000003").update(
        dismissed_at=timezone.now(), dismissed_by="Olivia"
    )
    w.registry.edit("C-000004", kind=None, name="Compound 4")
    w.sync(kind=SyncRun.Kind.FULL)
    assert set(w.open_errors()) == {"C-000003"} and "C-000004" in w.values()
    assert told_of(first) == before
    assert [row["external id"] for row in table(owner, second, "errors")] == ["C-000003"]
    text = read(owner, f"{records}?code=dropdown_option_missing")
    assert "these were refused for “" in text and "C-000004" in text
    assert "C-000004" not in read(owner, f"{records}?code=name_missing")


def test_what_was_refused_first_and_taken_later_is_no_refusal_of_the_run(world, owner):
    w = world([compound(n) for n in range(4)])
    w.registry.record("C-000001")["parent"] = "C-000003"  # comes later in the same run
    run = w.sync()
    assert run.status == "SUCCEEDED" and run.failed == 0
    assert table(owner, run, "errors") == [] and not Refusal.objects.exists()
    w.registry.edit("C-000001", name="Compound 2")
    w.registry.edit("C-000002", name="Compound 1")
    assert w.sync().failed == 0 and not Refusal.objects.exists()


@pytest.mark.once
def test_no_cell_is_taken_for_a_formula():
    for text in ("=1+1", "+1", "-1", "@a"):
        assert csvs.cell(text) == f"'{text}"
    assert csvs.cell("\t=1") == "'\t'=1"  # some end a cell at a tab
    assert csvs.cell(-1) == "-1" and csvs.cell("a=1") == "a=1" and csvs.cell(None) == ""


def test_a_csv_is_written_as_it_is_read(world, owner, django_assert_max_num_queries):
    w = world([compound(n) for n in range(5)])
    run = w.sync()
    answer = owner.get(reverse("admin:registry_sync_syncrun_changes_csv", args=[run.pk]))
    parts = iter(answer.streaming_content)
    with django_assert_max_num_queries(0):  # the heading comes before any row is asked for
        assert next(parts).decode("utf-8-sig").startswith("at,external id")
    with django_assert_max_num_queries(1):
        assert b"C-000000" in next(parts)


def test_changes_and_log_are_paged(world, owner):
    w = world([compound(n) for n in range(30)])
    run = w.sync()
    for number in range(250):
        runs.log(run, "INFO", f"Line {number}.")
    html = owner.get(page(run)).content.decode()
    assert "Line 249." in html and "Line 10." not in html
    earlier = re.search(r"log_before=\d+", html)[0]
    assert "Line 10." in read(owner, f"{page(run)}?{earlier}")
    seen, asked = [], ""
    while True:
        html = owner.get(page(run) + asked).content.decode()
        seen += re.findall(r'<th scope="row"><a [^>]+>(C-\d{6})', html)
        following = re.search(r"changes_after=\d+", html)
        if following is None:
            break
        asked = f"?{following[0]}"
    assert len(seen) == len(set(seen)) == 30, "a created record is one line"
    html = owner.get(page(run)).content.decode()
    assert "“Compound 0”" in html and html.count("<dt>SMILES</dt>") == 30, (
        "its values are behind it"
    )


def test_its_queries_do_not_grow(world, owner, django_assert_max_num_queries):
    w = world([compound(n) for n in range(55)])
    for n in range(3):
        w.registry.record(f"C-{n:06d}")["kind"] = "Peptide"
    few = w.sync()
    urls = [
        page,
        lambda run: reverse("admin:registry_sync_syncrun_records", args=[run.pk, "failed"]),
    ]
    with django_assert_max_num_queries(16) as asked:
        owner.get(page(few))
    with django_assert_max_num_queries(12) as list_asked:
        owner.get(LIST)
    for n in range(55):
        w.registry.edit(f"C-{n:06d}", smiles="N", kind="Peptide" if n < 50 else "Protein")
    many = w.sync()
    assert many.failed == 50
    with django_assert_max_num_queries(len(asked.captured_queries)):
        owner.get(page(many))
    old_runs(40, every=timedelta(hours=1), last=timedelta(hours=1))
    with django_assert_max_num_queries(len(list_asked.captured_queries)):
        owner.get(LIST)
    with django_assert_max_num_queries(10):
        owner.get(urls[1](many))


# -- while it goes on --------------------------------------------------------------------------


def test_progress_moves_and_says_when_it_has_ended(world, owner, settings):
    settings.BATCH_SIZE = 100
    world([compound(n) for n in range(400)], page_size=100)
    run, _ = runs.request_run(kind=SyncRun.Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    progress = reverse("admin:registry_sync_syncrun_progress", args=[run.pk])
    assert f'data-live="{progress}"' in owner.get(page(run)).content.decode()
    assert "the run starts when a worker polls" in read(owner, progress)
    seen: list[str] = []
    jobs.work_to_end(run.pk, Interrupt(200, lambda: seen.append(read(owner, progress))))
    assert re.search(r"running [1-3]00 of 400 records processed", seen[0]), seen
    assert "pull active" in seen[0]
    ended = owner.get(progress).content.decode()
    assert "data-ended" in ended and "data-live" not in owner.get(page(run)).content.decode()
    assert Client().get(progress).url.startswith(reverse("admin:login"))


@pytest.mark.once
def test_a_run_is_paused_resumed_and_cancelled_from_its_page(world, owner, viewer):
    w = world([compound(n) for n in range(3)])
    run, _ = runs.request_run(kind=SyncRun.Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    for what in ("pause", "resume", "cancel", "rerun", "retry"):
        assert viewer.post(do(run, what), REASON).status_code == 403
        assert Client().post(do(run, what), REASON).url.startswith(reverse("admin:login"))
        assert do(run, what) not in viewer.get(page(run)).content.decode()
    run.refresh_from_db()
    assert run.status == "QUEUED" and run.paused_at is None and not LogEntry.objects.exists()
    assert "keeps its position" in read(owner, do(run, "pause"))
    owner.post(do(run, "pause"), {"decided": "yes", "reason": ""})
    assert not SyncRun.objects.filter(paused_at__isnull=False).exists()
    owner.post(do(run, "pause"), REASON)
    text = read(owner, page(run))
    assert "paused" in text and "Paused by Olivia" in text and "Wanted" in text
    assert do(run, "resume") in owner.get(page(run)).content.decode()
    owner.post(do(run, "resume"), REASON)
    assert jobs.work_slice(run.pk) is jobs.SliceEnd.DONE and w.written() == 3
    assert (
        "has already ended" in owner.post(do(run, "cancel"), REASON, follow=True).content.decode()
    )
    again, _ = runs.request_run(kind=SyncRun.Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    owner.post(do(again, "cancel"), REASON)
    again.refresh_from_db()
    assert again.status == "CANCELLED" and again.error == "Cancelled by Olivia: Wanted"
    said = set(LogEntry.objects.values_list("change_message", flat=True))
    assert said == {"Pause: Wanted", "Resume: Wanted", "Cancel the run: Wanted"}


# -- again -------------------------------------------------------------------------------------


@pytest.mark.once
def test_a_rerun_asks_for_the_same_and_remembers_of_what(world, owner):
    w = world([compound(n) for n in range(10)])
    w.sync()
    pilot = w.sync(only=["C-000001", "C-000002"])
    assert "It reads only the 2 records" in read(owner, do(pilot, "rerun"))
    owner.post(do(pilot, "rerun"), REASON)
    rerun = SyncRun.objects.first()
    assert rerun.rerun_of == pilot and rerun.only == pilot.only and rerun.actor == "Olivia"
    assert jobs.work_to_end(rerun.pk).read == 2
    assert f"Rerun of Run {pilot.pk}" in read(owner, page(rerun))
    assert f"Run again as Run {rerun.pk} (succeeded)" in read(owner, page(pilot))


def test_a_retry_of_one_runs_failures_touches_no_others(told, owner):
    w, first, second = told
    w.tenant.add_option(w.kinds, FORMULA)
    assert "Retries 1 open error" in read(owner, do(second, "retry"))
    owner.post(do(second, "retry"), REASON)
    run = SyncRun.objects.first()
    assert run.kind == "retry" and run.only == ["C-000003"] and run.rerun_of == second
    asked = "Read from the stored copies of refused records; the registry was not read"
    assert asked in read(owner, page(run))
    run = jobs.work_to_end(run.pk)
    assert asked in (text := read(owner, page(run))) and "Read from what changed" not in text
    assert (run.read, run.created, run.failed) == (1, 1, 0)
    assert set(w.open_errors()) == {"C-000004"} and "C-000004" not in w.values()
    assert w.values()["C-000003"]["SMILES"] == "O"
    answer = owner.post(do(second, "retry"), REASON, follow=True)
    assert "No errors of this run are open any more" in answer.content.decode()
    assert SyncRun.objects.first() == run
    w.tenant.add_option(w.kinds, "Peptide")
    owner.post(do(first, "retry"), REASON)
    jobs.work_to_end(SyncRun.objects.first().pk)
    assert not w.open_errors() and len(w.values()) == 10


def test_a_limited_retry_lets_two_of_its_records_swap_and_no_others(world):
    """Who waits for a name that an unasked record holds is left alone, and so is the holder."""
    w = world([compound(n) for n in range(6)])
    w.sync()
    for one, other in ((0, 1), (2, 3)):
        w.registry.edit(f"C-{one:06d}", name=f"Compound {other}")
        w.registry.edit(f"C-{other:06d}", name=f"Compound {one}")
    # A pilot reads all four, and none gives its name up for the others.
    ids = [f"C-{n:06d}" for n in range(4)]
    run = w.sync(only=ids)
    assert run.failed == 4 and set(w.open_errors()) == set(ids)
    assert {w.values()[i]["name"] for i in ids} == {f"Compound {n}" for n in range(4)}
    run = w.sync(kind=SyncRun.Kind.RETRY, only=ids[:2])
    assert set(w.open_errors()) == set(ids[2:])
    names = [w.values()[i]["name"] for i in ids]
    assert names == ["Compound 1", "Compound 0", "Compound 2", "Compound 3"]
    assert EntityError.objects.filter(closed_by_run=run).count() == 2
