"""The cures of each cause: which are offered, where they are confirmed, and to whom."""

from __future__ import annotations

import pytest

from registry_sync.core import stopping
from registry_sync.desk import cures
from registry_sync.reporting.catalogue import RECORD_CAUSES
from registry_sync.sync.retry_choice import UNSENDABLE
from tests.support import factories
from tests.support.desk import groups, person
from tests.support.environment import FULL

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def test_every_cause_of_a_record_has_a_cure_whose_page_opens_for_whoever_may(monkeypatch):
    monkeypatch.setattr(
        stopping, "sleep_or_stop", lambda *_: None
    )  # there is no Benchling to wait for
    lane, owner = factories.LaneFactory(), person("Olivia", groups.OWNERS)
    opened = set()
    for cause in RECORD_CAUSES:
        factories.EntityErrorFactory(lane=lane, code=cause.code)
        best = cures.best_cure(lane, cause.code)
        assert best, cause.code
        for offer in cures.all_of(lane, cause.code):
            assert offer.permission.startswith("registry_sync.")
            if FULL or offer == best or offer.name not in opened:
                opened.add(offer.name)
                assert owner.get(offer.address).status_code in (200, 302), offer


def test_what_only_the_registry_can_fix_is_not_checked_again():
    lane = factories.LaneFactory()
    for code in UNSENDABLE:
        assert "check" not in [offer.name for offer in cures.all_of(lane, code)]
