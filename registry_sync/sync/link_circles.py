"""Records of one lane that only wait for each other: together they can go.

Each waits for one that is not in Benchling, so none is tried alone. A request may hold entities
together with those that they point at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from registry_sync import ledger, runs
from registry_sync.mapping.transform import transform
from registry_sync.models import EntityError
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.batch_size import most_together
from registry_sync.sync.links import linkable, own_links
from registry_sync.sync.records import Candidate, candidate_of
from registry_sync.sync.retry_choice import CHUNK, Errors, chosen_errors, kept_records

MOST = 50_000
"""Waiting records that are looked at, so that memory does not grow with the registry."""


def joined_circles(ctx: RunContext) -> Iterator[list[Candidate]]:
    """Yield waiting records with all that they wait for, as they can go together.

    They come in lists of at most `CHUNK`, each of which fits a batch and is to be delivered before
    the next one is asked for. Only a circle that is larger makes a list longer; one that is larger
    than a batch may be does not come.
    """
    errors = chosen_errors(runs.open_errors(ctx.lane), ctx.run).filter(waits_for="link")
    errors = errors.exclude(raw=None)
    rows = errors.order_by("pk").values_list("external_id", "waits_key", "pk")[:MOST]
    mapping = ctx.setup.mapping
    waits, pks = dict[str, str](), dict[str, int]()
    for external_id, key, pk in rows:
        registry_id = mapping.registry_id(external_id)
        waits[registry_id], pks[registry_id] = key, pk
    links = _closed_links(ctx, errors, [pks[id_] for id_ in circling(waits)])
    most = most_together(ctx)
    together: list[str] = []
    for circle in circles(links, most):
        if together and len(together) + len(circle) > min(CHUNK, most):
            yield _candidates(ctx, errors, [pks[id_] for id_ in together])
            together = []
        together += circle
    if together:
        yield _candidates(ctx, errors, [pks[id_] for id_ in together])


def circling(waits: Mapping[str, str]) -> list[str]:
    """Return which ids wait for one another to no end: along what each waits for, none is free.

    `waits` is what each waits for; what is no key of it is not there and does not wait.
    """
    ends: dict[str, bool] = {}
    for start in waits:
        way: list[str] = []
        at, seen = start, set[str]()
        while at in waits and at not in ends and at not in seen:
            seen.add(at)
            way.append(at)
            at = waits[at]
        is_end = ends.get(at, at not in waits)
        ends.update(dict.fromkeys(way, is_end))
    return [id_ for id_ in waits if not ends[id_]]


def closed(links: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the ids that link to one another only, directly or not, with what each links to."""
    pointing = _turned(links)
    lost = [id_ for id_, ids in links.items() if not ids <= links.keys()]
    gone = set(lost)
    while lost:
        more = pointing[lost.pop()] - gone
        gone |= more
        lost += more
    return {id_: ids for id_, ids in links.items() if id_ not in gone}


def _turned(links: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return which of these ids link to each of them."""
    pointing: dict[str, set[str]] = {id_: set() for id_ in links}
    for id_, ids in links.items():
        for target in ids & links.keys():
            pointing[target].add(id_)
    return pointing


def circles(links: Mapping[str, set[str]], most: int) -> list[list[str]]:
    """Return which ids have to go together, each list after those that it links to.

    Circles of more than `most` are left out, with all that links to them. The ids link to one
    another only, as `closed` returns them.
    """
    found: list[list[str]] = []
    gone, left = set[str](), set[str]()
    place = {id_: index for index, id_ in enumerate(links)}
    for start in _targets_first(links):
        if start in gone:
            continue
        circle = _needed_by(start, links, gone)
        if len(circle) > most or any(links[id_] & left for id_ in circle):
            left.update(circle)
        else:
            found.append(sorted(circle, key=place.__getitem__))
    return found


def _targets_first(links: Mapping[str, set[str]]) -> list[str]:
    """Return these ids so that, of two, the one that the other links to comes first.

    Of a circle, one comes before all that only links to it, so that `_needed_by` finds the circle
    from there (Kosaraju's algorithm).
    """
    pointing = _turned(links)
    ended: list[str] = []
    begun = set[str]()
    for first in reversed(list(links)):
        stack = [(first, False)]
        while stack:
            at, ends = stack.pop()
            if ends:
                ended.append(at)
            elif at not in begun:
                begun.add(at)
                stack.append((at, True))
                stack += [(id_, False) for id_ in sorted(pointing[at] - begun)]
    return ended[::-1]


def _needed_by(start: str, links: Mapping[str, Collection[str]], gone: set[str]) -> list[str]:
    """Return an id with all that it links to, directly or not, without those that are gone.

    They are added to `gone`.
    """
    found: list[str] = []
    stack = [start]
    while stack:
        at = stack.pop()
        if at not in gone:
            gone.add(at)
            found.append(at)
            stack += links[at]
    return found


def _closed_links(ctx: RunContext, errors: Errors, pks: Sequence[int]) -> dict[str, set[str]]:
    """Return what these records link to that is not there, by registry id.

    Only of records that could go together with others of them: all that they link to is there, or
    is one of these.
    """
    lane, schema = ctx.lane, ctx.setup.schema
    links: dict[str, set[str]] = {}
    for start in range(0, len(pks), CHUNK):
        found = _candidates(ctx, errors, pks[start : start + CHUNK])
        linked = {c.entity.registry_id: own_links(c.entity, schema) for c in found}
        there = linkable(lane, set().union(*linked.values())) if linked else set()
        links |= {registry_id: ids - there for registry_id, ids in linked.items()}
    return closed(links)


def _candidates(ctx: RunContext, errors: Errors, pks: Sequence[int]) -> list[Candidate]:
    """Return the entities of kept copies of refused records, in the order of these keys."""
    rows: dict[int, EntityError] = {}
    for start in range(0, len(pks), CHUNK):
        rows |= {row.pk: row for row in errors.filter(pk__in=pks[start : start + CHUNK])}
    chosen = [rows[pk] for pk in pks if pk in rows]
    if not chosen:
        return []
    views = ledger.views_of(ctx.lane, [error.external_id for error in chosen])
    mapping, kind = ctx.setup.mapping, ctx.setup.schema.entity_type
    found = []
    for record in kept_records(chosen, ctx.run.fingerprint):
        entity = transform(record.raw, record.external_id, mapping).entity
        if entity is not None:
            before, identity = views.get(record.external_id), mapping.identity_of(record.raw)
            found.append(candidate_of(record, entity, before, kind, identity=identity))
    return found
