"""Every way to falsify the audit is named by `audit --verify`, with and without a signed CSV."""

from __future__ import annotations

import io
import itertools
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.admin.models import DELETION
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from registry_sync import runs
from registry_sync.jobs.runner import work_to_end
from registry_sync.ledger import admin_log, chain, digests, other_chains, retention
from registry_sync.models import (
    ChainHead,
    ChainLink,
    Change,
    Lane,
    LedgerEntry,
    SyncRun,
)
from tests.support.chain import relink, sql
from tests.support.factories import LaneFactory, RetentionFactory, SyncRunFactory
from tests.support.registry import compound

LAST_DIGEST = "(SELECT digest FROM {change} ORDER BY id DESC LIMIT 1)"
TAIL = "DELETE FROM {change} WHERE id > (SELECT max(id) - 5 FROM {change})"
FIRST = "DELETE FROM {change} WHERE id < (SELECT min(id) + 20 FROM {change})"


def verify(*words: str) -> str:
    out = io.StringIO()
    call_command("audit", "--verify", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def lane(world):
    """Three links of three runs: twenty compounds, then two changes."""
    w = world([compound(n) for n in range(20)])
    w.sync()
    for year in (2001, 2002):
        w.registry.edit("C-000007", approval=year)
        w.sync(actor="mona")
    lane = Lane.objects.get()
    lane.world = w
    return lane


def insert_by_hand(lane):
    """Insert a row at the end, with the digest that it would have."""
    row = Change.objects.latest("pk")
    part = digests.entity_part(row.external_id, row.entity_id, False, row.source_modified_at)
    own = digests.field_part(row.kind, row.field_id, row.field)
    values = map(digests.canonical_json, (row.before, 7, row.source))
    row.digest = digests.of_change(bytes.fromhex(row.digest), part, own, *values).hex()
    row.pk, row.after = None, 7
    row.save(force_insert=True)
    return row


def delete_first(lane, **more):
    """Delete the first link's rows, and insert the row that retention would have written."""
    first = ChainLink.objects.get(lane=lane, number=1)
    rows = Change.objects.filter(lane=lane, id__lte=first.last_id)
    last, count = rows.latest("pk").digest, rows.delete()[0]
    now = timezone.now()
    return RetentionFactory(
        lane=lane, before=now, at=now, rows=count, digest=last, actor="x", reason="y", **more
    )


def forged_deletion(lane):
    """The same, with a link for it that is chained as if it were real."""
    row = delete_first(lane, up_to=1, link=4)
    last = ChainLink.objects.latest("number").last_id
    link = ChainLink(lane=lane, number=4, form=3, rows=0, created=0, updated=0, last_id=last,
                     rows_digest=digests.of_retention(row), at=row.at)  # fmt: skip
    head = ChainHead.objects.get(lane=lane)
    link.digest = digests.of_link(link, head.digest, lane.mark)
    link.save()
    ChainHead.objects.update(digest=link.digest, links=4)
    admin_log.note(row, retention._message(row), actor=row.actor, flag=DELETION)


def another_lane(lane):
    return LaneFactory(tenant="t", app_id="a", registry_id="r", schema_id="s").pk


def rewound(lane):
    """Take back the last run: its rows, its link, and the head as it was signed before."""
    sql("DELETE FROM {change} WHERE run_id = (SELECT max(id) FROM {syncrun})",
        "DELETE FROM {chainlink} WHERE number = 3")  # fmt: skip
    link = ChainLink.objects.get(number=2)
    chain.move_head(lane, chain.ChainEnd(link.digest, 2, link.rows + 100))


def everything(lane):
    sql("DELETE FROM {change}", "DELETE FROM {chainlink}", "DELETE FROM {chainhead}")


def a_middle_link(lane):
    link = ChainLink.objects.get(number=2)
    sql(f"DELETE FROM {{change}} WHERE run_id = {link.run_id}",
        "DELETE FROM {chainlink} WHERE number = 2",
        f"UPDATE {{syncrun}} SET updated = 0 WHERE id = {link.run_id}")  # fmt: skip


def reordered(lane):
    low, high = list(Change.objects.order_by("pk").values_list("pk", flat=True)[4:6])
    for old, new in ((low, -1), (high, low), (-1, high)):
        sql(f"UPDATE {{change}} SET id = {new} WHERE id = {old}")


def old_forms(lane):
    """Write everything again as if it were older than links, under a head without a signature."""
    previous = lane.mark
    for row in Change.objects.order_by("pk"):
        values = [getattr(row, name) for name in digests.OLD_COLUMNS]
        previous = digests.of_old_change(previous, values)
        Change.objects.filter(pk=row.pk).update(digest=previous)
        link = ChainLink.objects.get(run_id=row.run_id)
        link.rows_digest, link.form = previous, 1
        link.save()
    previous = lane.mark
    for link in ChainLink.objects.order_by("number"):
        link.digest = previous = digests.of_link(link, previous, lane.mark)
        link.save()
    early = SyncRun.objects.latest("pk").finished_at - timedelta(days=1)
    ChainHead.objects.update(digest=previous, signature="", migrated_at=early)


RAN = "(SELECT max(id) FROM {syncrun})"
CASES = {
    "the tail and the head": lambda lane: sql(TAIL, "DELETE FROM {chainhead}"),
    "the tail, the head on the last row": lambda lane: sql(
        TAIL, f"UPDATE {{chainhead}} SET digest = {LAST_DIGEST}"),
    "the tail, counts and head of the rest": lambda lane: (sql(TAIL), relink(lane)),
    "the tail and its links, and the head": lambda lane: sql(
        "DELETE FROM {change} WHERE run_id = " + RAN,
        "DELETE FROM {chainlink} WHERE run_id = " + RAN, "DELETE FROM {chainhead}"),
    "all rows and heads": lambda lane: sql("DELETE FROM {change}", "DELETE FROM {chainhead}"),
    "all rows, links and heads": everything,
    "everything, and the runs' counts": lambda lane: (everything(lane), sql(
        "UPDATE {syncrun} SET created = 0, updated = 0")),
    "the last run, under an earlier head that was signed": rewound,
    "the head alone": lambda lane: sql("DELETE FROM {chainhead}"),
    "the links alone": lambda lane: sql("DELETE FROM {chainlink}"),
    "the first rows, a retention by hand": lambda lane: sql(
        FIRST, "INSERT INTO {retention} (lane_id, before, rows, digest, actor, reason, at) "
        f"SELECT lane_id, at, 20, {LAST_DIGEST}, 'x', 'y', at FROM {{change}} LIMIT 1"),
    "the first link's rows, a retention by hand": delete_first,
    "the same, with its link's number": lambda lane: delete_first(lane, up_to=1, link=4),
    "the same, with a link and in the log": forged_deletion,
    "a retention alone, by hand": lambda lane: RetentionFactory(
        lane=lane, before=timezone.now(), at=timezone.now(), rows=0, actor="x"),
    "a value": lambda lane: sql("UPDATE {change} SET after = '7' WHERE field = 'Approval'"),
    "a value and its digests": lambda lane: (
        sql("UPDATE {change} SET after = '7' WHERE field = 'Approval'"), relink(lane)),
    "who wrote": lambda lane: sql("UPDATE {change} SET actor = 'lisa' WHERE actor = 'mona'"),
    "who wrote, and the digests": lambda lane: (
        sql("UPDATE {change} SET actor = 'lisa' WHERE actor = 'mona'"), relink(lane)),
    "when": lambda lane: Change.objects.filter(field="name").update(at=timezone.now()),
    "the source": lambda lane: sql("UPDATE {change} SET source = '[1]' WHERE field = 'Kind'"),
    "the kind": lambda lane: sql("UPDATE {change} SET kind = 'archived'"),
    "the run": lambda lane: sql(f"UPDATE {{change}} SET run_id = {RAN}"),
    "the order": reordered,
    "a row inserted": insert_by_hand,
    "a row inserted, and the digests": lambda lane: (
        ChainLink.objects.filter(number=3).update(last_id=insert_by_hand(lane).pk), relink(lane)),
    "a row before all others": lambda lane: Change.objects.filter(
        pk=Change.objects.earliest("pk").pk + 3).update(id=-3),
    "a row of the middle": lambda lane: Change.objects.filter(
        pk=Change.objects.earliest("pk").pk + 9).delete(),
    "rows in another lane": lambda lane: Change.objects.filter(actor="mona").update(
        lane=another_lane(lane)),
    "a link of the middle": a_middle_link,
    "the same, and the rest linked again": lambda lane: (a_middle_link(lane), relink(lane)),
    "the counts of a run": lambda lane: sql(
        "UPDATE {syncrun} SET created = created - 1 WHERE created > 0"),
    "what a run updated": lambda lane: sql(f"UPDATE {{syncrun}} SET updated = 0 WHERE id = {RAN}"),
    "a run that wrote is a dry run": lambda lane: sql(
        f"UPDATE {{syncrun}} SET kind = 'dry run', updated = 3 WHERE id = {RAN}"),
    "the counts of a link": lambda lane: sql("UPDATE {chainlink} SET rows = rows - 1"),
    "a link's counts, and the digests": lambda lane: (
        sql("UPDATE {chainlink} SET created = 19 WHERE number = 1",
            "UPDATE {syncrun} SET created = 19 WHERE created = 20"), relink(lane)),
    "the head's count": lambda lane: sql("UPDATE {chainhead} SET rows = rows - 1"),
    "the head's signature": lambda lane: sql("UPDATE {chainhead} SET signature = ''"),
    "a signature of something else": lambda lane: ChainHead.objects.update(
        signature=chain.signature(b"[1]")),
    "the signature of another lane": lambda lane: ChainHead.objects.update(
        signature=chain.signature(chain.ChainEnd("0", 3, 102).payload(Lane(tenant="t")))),
    "all of it in the old form": old_forms,
}  # fmt: skip
NEEDS_KEY = {
    "a value and its digests", "who wrote, and the digests", "a row inserted, and the digests",
    "the tail, counts and head of the rest", "the same, and the rest linked again",
    "the same, with a link and in the log", "a link's counts, and the digests",
    "the head's signature", "a signature of something else", "the signature of another lane",
    "all of it in the old form",
}  # fmt: skip
"""What only the signature shows: who did it knows how the digests are made."""


def unnamed(lane, cases, *words) -> list[str]:
    """Return which of the cases `audit --verify` does not name, and how it took each other one."""
    missed = []
    for name in cases:
        with transaction.atomic():
            CASES[name](lane)
            try:
                verify(*words)
                missed.append(name)
            except CommandError as fault:
                assert fault.returncode == 1 and str(fault), name
            transaction.set_rollback(True)
    return missed


def test_every_tampering_is_named(lane, settings, tmp_path: Path):
    assert "102 changes, the chain is intact" in verify()
    assert unnamed(lane, CASES) == []
    path = tmp_path / "changes.csv"
    call_command("audit", "--csv", str(path), stdout=io.StringIO())
    said = verify(str(path))
    assert "the signature is valid" in said and "102 are there as they were signed" in said
    assert unnamed(lane, CASES, str(path)) == []
    settings.BENCHLING_PRIVATE_KEY = ""  # the digests alone
    assert "signature was not checked: BENCHLING_PRIVATE_KEY is not set" in verify()
    assert set(unnamed(lane, CASES)) <= NEEDS_KEY
    assert "102 changes, the chain is intact" in verify()


@pytest.fixture
def two(world):
    """Two lanes that wrote; the first one also ran after the second one had written."""
    w = world([compound(n) for n in range(3)])
    lots = [{"id": f"L-{n}", "name": f"Lot {n}", "parent": None} for n in range(2)]
    w.add_lane("Lot", [compound(n) | lots[n] for n in range(2)])
    w.sync()
    first, second = Lane.objects.order_by("pk")
    work_to_end(runs.active().pk)  # the second one's
    w.sync(lane=first)
    first.world = second.world = w
    return first, second


def vanished(lane):
    """Delete a lane with its chain, its runs, its ledger and all else that names it."""
    of_lane = SyncRun.objects.filter(lane=lane).values("pk")
    for relations, rows in ((SyncRun._meta.related_objects, of_lane),
                            (Lane._meta.related_objects, [lane.pk])):  # fmt: skip
        for relation in relations:
            of = {f"{relation.field.name}__in": rows}
            named = relation.related_model._base_manager.filter(**of)
            named._raw_delete(named.db)
    Lane.objects.filter(pk=lane.pk)._raw_delete("default")


def emptied(lane):
    """Delete what a lane wrote, as if its runs had written nothing."""
    for model in (Change, ChainLink, ChainHead, LedgerEntry):
        model.objects.filter(lane=lane)._raw_delete("default")
    SyncRun.objects.filter(lane=lane).update(created=0, updated=0)


def written_anew(lane):
    """Delete what a lane wrote, and let a run write it as if for the first time."""
    emptied(lane)
    lane.world.sync(lane=lane, kind=SyncRun.Kind.FULL)
    lane.world.registry.edit("C-000001", approval=2001)
    lane.world.sync(lane=lane)


OF_A_LANE = {
    "all of it": vanished,
    "what it wrote": emptied,
    "its history, which is written anew": written_anew,
    "the lane alone": lambda lane: Lane.objects.filter(pk=lane.pk)._raw_delete("default"),
    "the lane of its runs": lambda lane: (
        SyncRun.objects.filter(lane=lane).update(lane=None), vanished(lane)),
}  # fmt: skip


def test_a_lane_that_is_removed_with_its_chain_is_missed(two, settings):
    first, second = two
    assert verify().count("the chain is intact") == 2

    def unnoticed(lane):
        missed = []
        for name, remove in OF_A_LANE.items():
            with transaction.atomic():
                remove(lane)
                try:
                    verify()
                    missed.append(name)
                except CommandError as fault:
                    assert "link" in str(fault) or "lane" in str(fault).lower(), name
                transaction.set_rollback(True)
        return missed

    assert unnoticed(first) == unnoticed(second) == []
    key, settings.BENCHLING_PRIVATE_KEY = settings.BENCHLING_PRIVATE_KEY, ""
    assert set(unnoticed(second)) == {
        "all of it", "what it wrote", "its history, which is written anew"}  # fmt: skip
    settings.BENCHLING_PRIVATE_KEY = key
    vanished(second)
    first.world.registry.edit("C-000002", approval=2001)
    first.world.sync(lane=first)
    with pytest.raises(CommandError, match=f"the key {second.mark} no longer has its link"):
        verify()  # a later run does not hide it


def test_a_head_that_was_edited_breaks_no_other_chain(two):
    first, second = two
    head = ChainHead.objects.filter(lane=second)
    links, digest = head.values_list("links", "digest").get()
    head.update(links=links + 1, digest="0" * 64)
    first.world.sync(lane=first)
    head.update(links=links, digest=digest)
    assert verify().count("the chain is intact") == 2


def test_a_lane_that_is_made_meanwhile_is_not_taken_for_removed(db):
    pks = itertools.count(1)

    def make_one(execute, sql, params, many, context):
        found = execute(sql, params, many, context)
        if "SELECT" in sql and next(pks) == 1:
            SyncRunFactory(lane=LaneFactory())
        return found

    with connection.execute_wrapper(make_one):
        assert list(other_chains.rows_without_a_lane()) == []
