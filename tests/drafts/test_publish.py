"""Publishing says what it would do, asks for a number where that is much, and one wins."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from django.urls import reverse

from registry_sync.core.problems import SyncError
from registry_sync.drafts import preview, publish, publish_effect
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.tasks import run_preview
from registry_sync.models import MappingDraft, MappingVersion, SyncRun
from registry_sync.sync.clients import client_of_settings
from registry_sync.sync.plans.proposals import Person
from tests.support.desk import read
from tests.support.drafting import as_posted, page, preview_all
from tests.support.registry import compound

pytestmark = pytest.mark.once


@pytest.fixture
def synced(world):
    """Forty compounds in Benchling, one of which is refused."""
    w = world([compound(n) for n in range(40)])
    w.registry.record("C-000003")["name"] = "Compound 2"
    w.sync()
    return w


def with_name(desk, template: str) -> MappingDraft:
    draft = desk.start("live")
    desk.do(draft, "save", **(as_posted(draft) | {"name_field": template}))
    return draft


def test_a_draft_that_changes_much_asks_for_its_number(synced, desk, owner):
    draft = with_name(desk, "{name} [{id}]")
    preview_all(desk, draft)
    said = read(owner, page("publish", draft))
    assert "Up to date in Benchling 39 40" in said and "Refused 1 0" in said
    assert "1 new and 39 changed, of which 39 get another name" in said
    assert "39 of 40 records would be changed or newly refused. Type this number, 39" in said
    for wrong in ("", "38", "yes"):
        told = desk.do(draft, "publish", at="publish", reason="Unique names", typed=wrong)
        assert "Not published: 39 of 40 records" in told, wrong
        assert not MappingVersion.objects.exists()
    assert "Published as version 2" in desk.do(
        draft, "publish", at="publish", reason="Unique names", typed=" 39 "
    )


def test_a_draft_that_refuses_all_is_no_accident(synced, desk, owner):
    draft = with_name(desk, "{nowhere}")
    found = preview_all(desk, draft)
    assert found["refused"] == 40
    said = read(owner, page("publish", draft))
    assert "Up to date in Benchling 39 0" in said and "Refused 1 40" in said
    assert "39 of 40 records would be changed or newly refused" in said
    assert "Not published" in desk.do(draft, "publish", at="publish", reason="Oops")


def test_what_is_refused_already_or_new_asks_for_nothing(synced, desk, owner):
    draft = desk.start("live")
    preview_all(desk, draft)
    said = read(owner, page("publish", draft))
    assert "Up to date in Benchling 39 39" in said and "Refused 1 1" in said
    assert "to confirm" not in said
    assert "Published as version 2" in desk.do(draft, "publish", at="publish", reason="Same")


def test_publish_and_dry_run_is_the_next_step(synced, desk, owner):
    draft = with_name(desk, "{name} [{id}]")
    preview_all(desk, draft)
    assert "Publish and dry-run" in read(owner, page("publish", draft))
    desk.do(draft, "publish_and_dry_run", at="publish", reason="Unique names", typed="39")
    run = SyncRun.objects.first()
    assert run.kind == "dry run" and run.actor == "Olivia"
    assert desk.told.redirect_chain[-1][0].endswith(f"/{run.pk}/change/")
    run = jobs.work_to_end(run.pk)
    assert (run.created, run.updated, run.failed) == (1, 39, 0)
    assert synced.values()["C-000001"]["name"] == "Compound 1", "a dry run writes nothing"


def test_a_preview_of_an_older_version_or_none_is_told(synced, desk, owner):
    draft = desk.start("live")
    assert "There is no preview" in read(owner, page("publish", draft))
    preview_all(desk, draft)
    sent = as_posted(draft) | {"row-1-path": "name"}
    desk.do(draft, "save", **sent)
    said = read(owner, page("publish", draft))
    assert "The preview is of version 1 of this draft, which is at version 2 now" in said
    assert "has not been previewed" in desk.do(draft, "publish", at="publish", reason="Now")
    desk.do(draft, "sample", at="preview")
    said = read(owner, page("publish", draft))
    assert "Only 40 records of the registry were previewed" in said
    assert "40 of 40 records would be changed" not in said and "39 of 40 records would" in said


def test_a_roll_back_has_the_same_preview_and_brake(synced, desk, owner):
    draft = with_name(desk, "{name} [{id}]")
    preview_all(desk, draft)
    desk.publish(draft)
    synced.sync()
    url = reverse(
        "admin:registry_sync_mappingversion_roll_back", args=[MappingVersion.objects.last().pk]
    )
    said = owner.post(url, follow=True).content.decode()
    assert "39 changed" in said and "1 new" not in said
    back = MappingDraft.objects.latest("pk")
    assert "Refused" in said and "Type this number" in said
    assert "Not published" in desk.do(back, "publish", at="publish", reason="Back")
    assert preview_all(desk, back)["refused"] == 1
    assert "Published as version 3" in desk.publish(back)


def test_a_roll_back_of_what_cannot_be_read_asks_for_all(synced, desk, owner):
    draft = with_name(desk, "{name} [{id}]")
    preview_all(desk, draft)
    desk.publish(draft)
    synced.registry.token = "another"
    url = reverse(
        "admin:registry_sync_mappingversion_roll_back", args=[MappingVersion.objects.last().pk]
    )
    said = owner.post(url, follow=True).content.decode()
    assert "There is no preview" in said
    assert "without a preview, all 39 entities may be changed" in said.lower()
    back = MappingDraft.objects.latest("pk")
    assert "Not published" in desk.do(back, "publish", at="publish", reason="Back")
    assert "Published as version 3" in desk.publish(back)


def test_of_two_drafts_that_are_published_one_wins_and_the_other_is_told(synced, desk):
    first, second = desk.start("live"), with_name(desk, "{name} ({id})")
    desk.do(first, "save", **as_posted(first), **{"row-3-remove": "on"})
    for draft in (first, second):
        preview_all(desk, draft)
    MappingDraft.objects.filter(pk=first.pk).update(publishing_at=preview.runs.database_now())
    assert "Someone else is publishing a draft" in desk.publish(second)
    MappingDraft.objects.update(publishing_at=None)
    assert "Published as version 2" in desk.publish(first)
    told = desk.publish(second)
    assert "configuration has changed since the draft" in told and second.state == "open"
    assert MappingVersion.objects.count() == 2


@pytest.mark.postgres  # SQLite in memory has no two writers
def test_two_at_the_same_moment_publish_one(synced, desk, monkeypatch):
    first, second = desk.start("live"), with_name(desk, "{name} ({id})")
    desk.do(first, "save", **as_posted(first), **{"row-3-remove": "on"})
    for draft in (first, second):
        preview_all(desk, draft)
    begin, told = threading.Barrier(2), list[str]()

    def press(draft: MappingDraft) -> None:
        begin.wait()
        try:
            publish.publish(
                draft, client_of_settings(), by=Person("a"), reason="r", version=draft.version,
                typed=str(publish_effect.effect_of(draft).number),
            )  # fmt: skip
            told.append("published")
        except SyncError as error:
            told.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(draft,)) for draft in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.count("published") == 1 and set(told) < {"published", "changed_meanwhile", "taken"}


def test_a_preview_does_not_go_on_under_a_changed_configuration(synced, desk, settings):
    draft = desk.start("live")
    settings.SLICE_SECONDS = 0
    synced.registry.page_size = 10
    desk.do(draft, "all", at="preview")
    run_preview(draft.pk)
    draft.refresh_from_db()
    assert (draft.preview_state, draft.preview_done) == ("queued", 10)
    synced.configure(**{"External Name Field": "{name} ({id})"})
    run_preview(draft.pk)
    draft.refresh_from_db()
    assert draft.preview_state == "failed" and "External Name Field" in draft.preview_error
    assert "has changed since the draft was started" in draft.preview_error
