"""A record that is asked for while a first load runs in slices is never left without an answer."""

from __future__ import annotations

import pytest

from registry_sync import runs
from registry_sync.jobs import control
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import Lane, SyncRun
from tests.support.canvas import Page
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL, World, looked_up

pytestmark = pytest.mark.once
Kind, Status = SyncRun.Kind, SyncRun.Status
WRITTEN, REFUSED, UNREAD, LATER_REFUSED = "C-000001", "C-000002", "C-000005", "C-000006"
NAMED, NOWHERE = "Compound 7", "C-999999"
EACH = (WRITTEN, REFUSED, UNREAD, LATER_REFUSED, NAMED, NOWHERE)
IS_THERE = {WRITTEN: "Compound 1", UNREAD: "Compound 5", NAMED: "Compound 7"}


def standing(page: Page) -> str:
    return next((b["value"] for b in page.canvas["blocks"] if b["id"] == "standing"), "")


def state(page: Page) -> str:
    return next(b["value"] for b in page.canvas["blocks"] if b["id"] == "state")


@pytest.fixture
def load(w, settings) -> SyncRun:
    """A first load of eight records, of which a slice has read the first four."""
    return begun(w, settings)


def begun(w: World, settings) -> SyncRun:
    settings.SLICE_SECONDS = 0
    del w.registry.records[8:]
    w.registry.page_size = 4
    w.tenant.refuse |= {REFUSED: "Not this one.", LATER_REFUSED: "Nor this one."}
    run, _ = runs.request_run(kind=Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    assert jobs.work_slice(run.pk) is jobs.SliceEnd.MORE
    assert WRITTEN in w.values() and UNREAD not in w.values()
    return run


def pressed(w: World, button: str, each: tuple[str, ...] = EACH) -> dict[str, Page]:
    """Let people press a button, each for another record."""
    pages = {asked: Page(w, f"etr_{button}_{n}") for n, asked in enumerate(each)}
    for asked, page in pages.items():
        assert page.press(button, record=asked).state == "done" and page.canvas["enabled"]
    return pages


def work_all() -> None:
    while (run := runs.active()) is not None:
        jobs.work_to_end(run.pk)


def assert_truth(pages: dict[str, Page]) -> None:
    """Check that each canvas tells what has become of its record."""
    for asked, page in pages.items():
        said = standing(page)
        if asked in IS_THERE:
            assert f"is in Benchling as “{IS_THERE[asked]}”" in said, (asked, said)
        elif asked == NOWHERE:
            assert "no record" in said.lower() and "C-999999" in said, said
        else:
            assert f"**{asked} is not in Benchling.**" in said and "this one." in said, said
        for waits in ("has not ended", "queued", "not in Benchling yet", "still"):
            assert waits not in said, (asked, said)


@pytest.mark.parametrize("lists", [False, True])
@pytest.mark.invariant(4)
def test_each_record_that_is_to_be_synced_waits_and_ends_with_the_truth(w, settings, lists):
    if lists:
        w.configure(**{"Connector Settings": INCREMENTAL})
    load = begun(w, settings)
    pages = pressed(w, "sync_one")
    for asked, page in pages.items():
        kept = "Your request is queued after the one under way" in state(page)
        assert kept or "Your request is kept until the sync under way has ended" in state(page)
        waits = ("is synced after the sync under way", "The sync under way")
        assert any(words in standing(page) for words in waits), (asked, standing(page))
    assert "No record “Compound 7” has been read so far" in standing(pages[NAMED])
    jobs.work_to_end(load.pk)
    assert all(standing(page) for page in pages.values())
    work_all()
    assert_truth(pages)
    assert SyncRun.objects.count() == 2
    assert NAMED not in SyncRun.objects.latest("pk").only


@pytest.mark.parametrize("lists", [False, True])
def test_each_record_that_is_looked_up_ends_with_the_truth(w, settings, lists):
    if lists:
        w.configure(**{"Connector Settings": INCREMENTAL})
    load = begun(w, settings)
    pages = pressed(w, "look_up")
    for asked in (REFUSED, UNREAD, NAMED, NOWHERE, LATER_REFUSED):
        said = standing(pages[asked])
        assert "The sync under way, started by the schedule, has not ended" in said, said
        assert "that Registry Sync can see" not in said and "Press Manual Sync" not in said[:9]
    assert standing(pages[WRITTEN]).startswith(f"**{WRITTEN}** is in Benchling as")
    jobs.work_to_end(load.pk)
    assert_truth(pages)
    assert pages[UNREAD].chips == [UNREAD] and SyncRun.objects.count() == 1


def test_a_paused_load_keeps_what_was_asked_for(w, load):
    control.pause_run(load, actor="Olivia", reason="the registry moves")
    one, name = pressed(w, "sync_one", (UNREAD,)), pressed(w, "look_up", (NAMED,))
    jobs.work_slice(load.pk)
    for page in (one[UNREAD], name[NAMED]):
        assert "Paused by Olivia" in state(page) and "sync under way" in standing(page)
    control.resume_run(SyncRun.objects.get(pk=load.pk), actor="Olivia")
    work_all()
    assert_truth(one | name)


def test_a_load_that_fails_says_so_to_whoever_waits_for_it(w, load):
    pages = [*pressed(w, "sync_one", (UNREAD, NAMED)).values()]
    pages += pressed(w, "look_up", (UNREAD, NAMED)).values()
    w.registry.token = "another"
    work_all()
    for page in pages:
        assert "was not synced. **The last sync failed**" in standing(page), page.text


def test_a_load_that_is_cancelled_says_so_to_whoever_waits_for_it(w, load):
    pages = pressed(w, "sync_one", (UNREAD, NAMED))
    control.cancel_run(load, actor="Olivia", reason="a mistake")
    reconcile()
    assert runs.active() is None
    for page in pages.values():
        assert "was not synced" in standing(page), standing(page)


def test_a_load_that_ends_while_a_press_is_worked_leaves_no_one_waiting(w, load):
    """The registry is asked for the record in the press; the load reads its last page then."""
    acts = [lambda: jobs.work_to_end(load.pk)]
    w.registry.on_detail = lambda _: acts.pop()() if acts else None
    one, name = Page(w, "etr_1"), Page(w, "etr_2")
    one.press("sync_one", record=UNREAD)
    assert not acts and runs.active() is not None and "queued to be synced" in standing(one)
    name.press("look_up", record=NAMED)
    work_all()
    assert_truth({UNREAD: one, NAMED: name})


def test_a_name_that_the_load_reads_while_it_is_looked_up_is_found(w, load):
    acts = [lambda: jobs.work_to_end(load.pk)]
    page, before = Page(w), sum(w.tenant.endpoints.values())
    page.press("look_up", record=WRITTEN)
    assert sum(w.tenant.endpoints.values()) - before <= 8, "each takes its time on a busy host"
    w.registry.on_detail = lambda _: acts.pop()() if acts else None
    page.press("look_up", record=NAMED)
    assert not acts and standing(page).startswith("**C-000007** is in Benchling as “Compound 7”")


def test_two_lanes_tell_of_the_record_that_one_of_them_reads(w, settings):
    lots = w.add_lane("Lot", [compound(n, id=f"L-{n}") for n in range(8)],
                      config={"Connector Settings": looked_up()})  # fmt: skip
    lots.registry.page_size = 4
    first = begun(w, settings)
    page = Page(w)
    assert len(runs.current_lanes()) == 2
    page.press("sync_one", record=NAMED)
    assert "The sync under way" in standing(page), page.text
    jobs.work_to_end(first.pk)
    assert_truth({NAMED: page})
    assert "No record" not in page.text
    assert not SyncRun.objects.filter(trigger="canvas").exists()


def test_a_record_that_left_or_was_never_written_is_not_said_to_be_something_else(w):
    """The registry has it no longer, or it waits for a plan: neither is *nothing to change*."""
    lane = w.sync().lane
    del w.registry.records[4:], w.registry.records[3]
    deleted = {"id": "C-000002", "deleted": True, "modified_at": "2027-01-01T00:00:00Z"}
    w.registry.records[2] = deleted
    gone, new, left = (Page(w, f"etr_{n}") for n in range(3))
    gone.press("sync_one", record="C-000003")
    left.press("sync_one", record="C-000002")
    work_all()
    assert standing(left).endswith("“Compound 2”. The registry says that it is deleted.")
    said = standing(gone)
    assert "is in Benchling as “Compound 3”" in said and "The registry has no record" in said
    assert "found nothing to change" not in said
    w.registry.records.append(compound(50))
    Lane.objects.filter(pk=lane.pk).update(plans_for="everything")
    new.press("sync_one", record="C-000050")
    work_all()
    assert standing(new).startswith("**C-000050** is in the registry, but not in Benchling yet.")
