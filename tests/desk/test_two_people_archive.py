"""Where two people release withdrawals, no one lets more be archived alone, by whatever way."""

from __future__ import annotations

import pytest
import yaml
from django.urls import reverse

from registry_sync.desk import withdrawal_policy
from registry_sync.desk.withdrawal_policy import Wish
from registry_sync.models import Lane, MappingVersion, Proposal
from registry_sync.sync.plans import proposals
from registry_sync.sync.plans.proposals import Person, SecondPerson
from tests.support import factories
from tests.support.commands import command
from tests.support.desk import groups, person, text
from tests.support.drafting import as_posted
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL

pytestmark = pytest.mark.once
ALICE, BOB = Person("alice", 1001, may_sign=True), Person("bob", 1002, may_sign=True)
ARCHIVE = Wish("archive", "Retired", held=False)
HELD = Wish("archive", "Retired", held=True)
TELL = Wish("tell", "Retired", held=False)


def now(lane: Lane) -> Wish:
    return withdrawal_policy.policy_for(Lane.objects.get(pk=lane.pk))


def put(lane: Lane, wish: Wish, by: Person = ALICE) -> None:
    withdrawal_policy.set_policy(lane, wish, by=by, reason="agreed")


def test_to_archive_more_takes_two_people_and_less_takes_one(db):
    lane = factories.LaneFactory(second_release=True)
    for wish in (ARCHIVE, HELD):
        for one in (ALICE, ALICE, Person("carl", 1003), Person("root")):
            before = now(lane)
            with pytest.raises(SecondPerson):
                put(lane, wish, one)
            assert now(lane) == before
        put(lane, wish, BOB)
        assert now(lane) == wish
    put(lane, ARCHIVE)
    put(lane, TELL)
    assert now(lane) == TELL
    with pytest.raises(SecondPerson):  # what was once agreed on is spent
        put(lane, ARCHIVE, BOB)


def test_a_lane_s_page_proposes_and_the_proposal_s_page_confirms(owner):
    lane = factories.LaneFactory(second_release=True)
    at = reverse("admin:registry_sync_lane_change", args=[lane.pk])
    sent = {"drift_policy": lane.drift_policy, "withdrawn_policy": "archive",
            "withdrawn_reason": "Retired", "plans_for": "nothing"}  # fmt: skip
    both = {**sent, "second_release": "on"}
    assert "Enter a reason. A second person" in text(owner.post(at, both))
    assert not Proposal.objects.exists()
    for form in (both, sent):  # also where the same press takes back that it takes two
        said = text(owner.post(at, {**form, "why": "The registry is complete"}))
        assert "Olivia proposed it; nothing was done yet" in said
        assert now(lane) == TELL
    row = Proposal.objects.get()
    assert row.reason == "The registry is complete"
    page = f"/admin/registry_sync/proposal/{row.pk}/"
    assert "be archived as “Retired”, unless a container holds it" in text(
        owner.get(page + "change/")
    )
    paula = person("Paula", groups.OWNERS)
    said = paula.post(page + "decide/", {"do": "confirm", "reason": "seen"}, follow=True)
    assert "From now on, what leaves the registry is archived" in text(said)
    assert now(lane) == ARCHIVE
    row.refresh_from_db()
    assert (row.state, row.decided_by) == ("confirmed", "Paula")
    viewer = person("Victor", groups.VIEWERS)
    assert "Reason for archiving more" not in text(viewer.get(at))


def test_what_is_declined_while_it_is_saved_is_not_done_and_told(owner, monkeypatch):
    lane = factories.LaneFactory(second_release=True)
    at = reverse("admin:registry_sync_lane_change", args=[lane.pk])
    sent = {"drift_policy": lane.drift_policy, "withdrawn_policy": "archive", "why": "complete",
            "withdrawn_reason": "Retired", "plans_for": "nothing"}  # fmt: skip
    owner.post(at, {**sent, "second_release": "on"})
    row, claim = Proposal.objects.get(), withdrawal_policy.policy_consent

    def claimed(*given, **more):
        consent = claim(*given, **more)
        proposals.decline(row, by=BOB, reason="not yet")  # another worker's request
        return consent

    monkeypatch.setattr(withdrawal_policy, "policy_consent", claimed)
    paula = person("Paula", groups.OWNERS)
    said = paula.post(at, {**sent, "second_release": "on"}, follow=True)
    assert said.status_code == 200
    assert "declined by now. Nothing was done. Reload the page and check." in text(said)
    assert now(lane) == TELL


def test_the_command_only_proposes(db):
    lane = factories.LaneFactory(second_release=True, position=0)
    words = ("set", lane.schema_id, "--withdrawn", "archive")
    status, said = command(*words, name="lanes")
    assert status == 2 and "proposed it" in said and now(lane) == TELL
    assert command("set", lane.schema_id, "--withdrawn", "tell", name="lanes")[0] == 0


DELETES = {"mode": "flag", "path": "retired"}


def test_a_mapping_that_changes_what_is_archived_takes_two_people(world, desk, tmp_path):
    w = world([compound(n) for n in range(3)], config={"Connector Settings": INCREMENTAL})
    w.sync()
    Lane.objects.update(second_release=True, withdrawn_policy="archive")
    draft = desk.start("live")
    desk.do(draft, "save", **(as_posted(draft) | {"name_field": "{name} [{id}]"}))
    desk.do(draft, "sample", at="preview")
    assert "Published as version" in desk.publish(draft)  # which archives nothing
    kept = MappingVersion.objects.count()
    draft = desk.start("live")
    settings = {**INCREMENTAL, "endpoint": {**INCREMENTAL["endpoint"], "deletes": DELETES}}
    draft.connector = settings
    draft.save()
    desk.do(draft, "sample", at="preview")
    assert "Olivia proposed it" in desk.publish(draft)
    assert MappingVersion.objects.count() == kept
    path = tmp_path / "mapping.yaml"
    assert command("export", str(path), name="mapping")[0] == 0
    file = yaml.safe_load(path.read_text(encoding="utf-8"))
    lanes = file.get("lanes", [file])
    lanes[0]["connector_settings"] = settings
    path.write_text(yaml.safe_dump(file), encoding="utf-8")
    status, said = command("import", str(path), name="mapping")
    assert status == 1 and "second person" in said, said
