"""Two people publish a mapping: the first proposes, the second writes it, whatever interrupts."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User

from registry_sync.benchling.errors import Refused
from registry_sync.core.problems import SyncError
from registry_sync.drafts import publish
from registry_sync.models import Lane, MappingVersion, Proposal
from tests.support.desk import groups, person
from tests.support.drafting import Desk, as_posted
from tests.support.registry import compound

pytestmark = pytest.mark.once


@pytest.fixture
def proposed(world, desk):
    """A previewed draft that one owner proposed to publish."""
    w = world([compound(n) for n in range(3)])
    w.sync()
    Lane.objects.update(second_publish=True)
    draft = desk.start("live")
    desk.do(draft, "save", **(as_posted(draft) | {"name_field": "{name} [{id}]"}))
    desk.do(draft, "sample", at="preview")
    for _ in range(2):  # the same person again
        assert "Olivia proposed it" in desk.publish(draft)
    assert not MappingVersion.objects.exists() and Proposal.objects.get().state == "open"
    return draft


def test_a_second_person_publishes(proposed):
    clerk = person("Carl", groups.VIEWERS)
    rights = Permission.objects.filter(codename="publish_mappingdraft")
    User.objects.get(username="Carl").user_permissions.add(*rights)
    assert "Olivia proposed it" in Desk(clerk).publish(proposed)  # who may not sign
    assert not MappingVersion.objects.exists()
    second = Desk(person("Paula", groups.OWNERS))
    assert "Published as version" in second.publish(proposed)
    row = Proposal.objects.get()
    assert (row.state, row.decided_by) == ("confirmed", "Paula")
    assert MappingVersion.objects.first().actor == "Paula"


def test_a_changed_draft_is_another_proposal(proposed, desk):
    desk.do(proposed, "save", **(as_posted(proposed) | {"name_field": "{name} / {id}"}))
    desk.do(proposed, "sample", at="preview")
    second = Desk(person("Paula", groups.OWNERS))
    assert "Paula proposed it" in second.publish(proposed)
    assert not MappingVersion.objects.exists() and Proposal.objects.count() == 2


@pytest.mark.parametrize("who", ["Olivia", "Paula"])
def test_either_completes_what_both_agreed_on(proposed, desk, monkeypatch, who):
    desks = {"Olivia": desk, "Paula": Desk(person("Paula", groups.OWNERS))}

    def cut_off(*args):
        raise SyncError("Benchling is down.", remedy="Wait.", kind="benchling", code="down")

    with monkeypatch.context() as patched:
        patched.setattr(publish.items, "write_all", cut_off)
        assert "Publish again to complete it" in desks["Paula"].publish(proposed)
    assert not MappingVersion.objects.exists() and Proposal.objects.get().state == "confirmed"
    assert "Published as version" in desks[who].publish(proposed)
    assert Proposal.objects.count() == 1


def test_what_stands_in_the_way_spends_no_confirmation(proposed, monkeypatch):
    second = Desk(person("Paula", groups.OWNERS))

    def refused(*args, **more):
        raise Refused(403, "No.", "")

    with monkeypatch.context() as patched:
        patched.setattr(publish, "read_items", refused)
        second.publish(proposed)
    assert Proposal.objects.get().state == "open"
    assert "Published as version" in second.publish(proposed)
