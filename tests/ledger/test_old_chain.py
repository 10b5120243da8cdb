"""Chains of earlier versions, whose rows were chained one by one, get links and a head."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import transaction

from registry_sync.ledger import chain_check, digests, retention
from registry_sync.models import ChainHead, ChainLink, Change, Lane, Retention, SyncRun
from tests.support.chain import sql
from tests.support.factories import RetentionFactory
from tests.support.registry import compound

migration = import_module("registry_sync.migrations.0023_link_old_changes")


@pytest.fixture
def old(world):
    """A lane as an earlier version left it: two runs, the first one's oldest rows deleted."""
    w = world([compound(n) for n in range(5)])
    w.sync()
    w.registry.edit("C-000003", approval=2001)
    w.sync()
    lane, last, rows = Lane.objects.get(), "", list(Change.objects.order_by("pk"))
    for place, row in enumerate(rows):
        values = [getattr(row, name) for name in digests.OLD_COLUMNS]
        last = digests.of_old_change(last or lane.mark, values)
        Change.objects.filter(pk=row.pk).update(digest=last)
        if place == 3:
            RetentionFactory(
                lane=lane, before=row.at, rows=4, digest=last, actor="mona", reason="old", at=row.at
            )
    Change.objects.filter(pk__in=[row.pk for row in rows[:4]]).delete()
    ChainLink.objects.all().delete()
    ChainHead.objects.update(digest=last, links=0, rows=0, signature="")
    lane.world = w
    return lane


def migrate():
    migration.link_old_changes(apps, None)


def test_what_an_earlier_version_wrote_verifies_as_before(old):
    migrate()
    verdict = chain_check.verify_chain(old)
    assert verdict == chain_check.Verdict(22, "")
    assert "The first 26 changes were there before" in verdict.notes[0]
    head = ChainHead.objects.get()
    assert head.migrated_at and head.signature and head.rows == 26
    old.world.registry.edit("C-000004", approval=2002)
    old.world.sync()
    assert chain_check.verify_chain(old) == chain_check.Verdict(23, "")
    cut = SyncRun.objects.latest("pk").started_at
    assert retention.forget(old, before=cut, actor="mona", reason="old") == 22
    assert chain_check.verify_chain(old) == chain_check.Verdict(1, "")


def test_a_head_that_a_migration_could_not_sign_is_signed_by_the_next_run(old, settings):
    key, settings.BENCHLING_PRIVATE_KEY = settings.BENCHLING_PRIVATE_KEY, ""
    migrate()
    settings.BENCHLING_PRIVATE_KEY = key
    verdict = chain_check.verify_chain(old)
    assert not verdict.broken and "not signed yet: a migration set it" in verdict.notes[0]
    run = old.world.sync()
    assert run.updated == 0 and ChainHead.objects.get().signature
    assert not chain_check.verify_chain(old).broken
    ChainHead.objects.update(signature="")  # from now on somebody removed it
    assert "The head is not signed" in chain_check.verify_chain(old).broken


LAST = "(SELECT max(id) FROM {change})"
BEFORE = [
    f"DELETE FROM {{change}} WHERE id = {LAST}",
    "DELETE FROM {change}",
    f"UPDATE {{change}} SET after = '7' WHERE id = {LAST} - 2",
    f"DELETE FROM {{change}} WHERE id = {LAST} - 2",
    "DELETE FROM {change} WHERE id = (SELECT min(id) FROM {change})",
    "UPDATE {retention} SET digest = 'x'",
]
AFTER = [
    *BEFORE,
    "UPDATE {retention} SET rows = 3",
    "UPDATE {retention} SET actor = 'lisa'",
    "DELETE FROM {retention}",
    "INSERT INTO {retention} (lane_id, before, rows, digest, actor, reason, at) "
    "SELECT lane_id, before, 2, digest, actor, reason, at FROM {retention}",
    "UPDATE {syncrun} SET created = 4 WHERE created = 5",
    "UPDATE {chainlink} SET rows = rows + 1 WHERE number = 1",
]


def test_what_was_broken_before_stays_broken_and_nothing_new_is_hidden(old):
    for cases, when in ((BEFORE, "before"), (AFTER, "after")):
        for statement in cases:
            with transaction.atomic():
                if when == "after":
                    migrate()
                sql(statement)
                if when == "before":
                    migrate()
                assert chain_check.verify_chain(old).broken, (when, statement)
                transaction.set_rollback(True)


def test_a_deletion_before_any_run_changes_nothing(old):
    migrate()
    early = Change.objects.earliest("pk").at - timedelta(days=1)
    assert retention.forget(old, before=early, actor="mona", reason="none") == 0
    assert Retention.objects.count() == 1
