"""What a preview keeps between its pages and slices, in rows: memory does not grow with a registry.

Notes of a page are written together with its counts, so that a page which is read again after a
crash leaves the same notes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from registry_sync.core.text import name_key, storable
from registry_sync.mapping.model import Mapping
from registry_sync.models import MappingDraft, PreviewNote
from registry_sync.sync.gates.claims import Holder

Kind = PreviewNote.Kind
CHUNK = 500
NAMED = 10_000
"""Refused records that a preview names at most."""
SUBSTANCE = " "
"""With what the key of a structure or sequence begins: names and aliases have no blank there."""


class Notes:
    """The notes of one draft's preview: those that are stored, and those of the current page.

    Without a draft, none are stored: a record is looked at alone.
    """

    def __init__(self, draft: MappingDraft | None) -> None:
        rows = PreviewNote.objects.all()
        self._rows = rows.none() if draft is None else rows.filter(draft=draft)
        self._draft = draft
        self._new: list[PreviewNote] = []
        self._holders: dict[str, list[Holder]] = {}

    def look_up(self, keys: Collection[str]) -> None:
        """Read who was given these names and ids by earlier pages; `holders` tells it."""
        self._holders = {}
        ordered = sorted(keys)
        for start in range(0, len(ordered), CHUNK):
            rows = self._rows.filter(
                kind__in=[Kind.NAME, Kind.ID, Kind.ALIAS], key__in=ordered[start : start + CHUNK]
            )
            for key, kind, external_id in rows.values_list("key", "kind", "external_id"):
                self._hold(key, kind, external_id)

    def holders(self, key: str) -> list[Holder]:
        """Return which records of this preview were given a name or registry id."""
        return self._holders.get(key, [])

    def is_claimed(self, registry_id: str, mapping: Mapping) -> bool:
        """Return whether a record of this preview has a registry id, in this very spelling."""
        holders = self.holders(name_key(registry_id))
        return registry_id in {
            mapping.registry_id(h.external_id) for h in holders if h.kind == "id"
        }

    def hold(self, external_id: str, id_key: str, keys: Iterable[str]) -> None:
        """Give a record its id and all else that it is to have, in memory only."""
        for key in keys:
            self._hold(key, Kind.ID if key == id_key else Kind.NAME, external_id)

    def claim(self, external_id: str, *, name_key: str, id_key: str) -> None:
        """Give a record its name and id."""
        for kind, key in ((Kind.NAME, name_key), (Kind.ID, id_key)):
            self._hold(key, kind, external_id)
            self.add(kind, external_id, key)

    def give_up(self, external_id: str, old_key: str, old_aliases: Collection[str]) -> None:
        """Note the name that a record gives up, or "", and the aliases."""
        if old_key or old_aliases:
            self.add(Kind.FREED, external_id, old_key, aliases=sorted(old_aliases))

    def claim_aliases(self, external_id: str, keys: Iterable[str]) -> None:
        """Give a record its aliases, which are unique among names and ids too."""
        for key in sorted(keys):
            self._hold(key, Kind.ALIAS, external_id)
            self.add(Kind.ALIAS, external_id, key)

    def add(self, kind: PreviewNote.Kind, external_id: str, key: str, **data: object) -> None:
        """Note something about a record, with the current page."""
        row = PreviewNote(draft=self._draft, kind=kind, key=key, external_id=external_id)
        row.data = storable(data)
        self._new.append(row)

    def added(self, kind: PreviewNote.Kind) -> list[PreviewNote]:
        """Return the notes of a kind of the current page."""
        return [note for note in self._new if note.kind == kind]

    def flush(self) -> None:
        """Write the notes of the current page. The caller holds a transaction."""
        PreviewNote.objects.bulk_create(self._new, ignore_conflicts=True, batch_size=CHUNK)
        self._new = []

    def waiting(self) -> Iterator[list[PreviewNote]]:
        """Yield the records that wait for a name or a link, in their order, some at a time."""
        last = 0
        while chunk := list(self._rows.filter(kind=Kind.WAIT, pk__gt=last).order_by("pk")[:CHUNK]):
            yield chunk
            last = chunk[-1].pk

    def freed(self, keys: Collection[str], holders: Collection[str]) -> set[str]:
        """Return which of these names and aliases are given up by the record that has them now.

        `holders` are who has them by the ledger.
        """
        rows = self._rows.filter(kind=Kind.FREED)
        found = set(rows.filter(key__among=keys).values_list("key", flat=True))
        for data in rows.filter(external_id__among=holders).values_list("data", flat=True):
            found.update(data.get("aliases", ()))
        return found & set(keys)

    def with_substances(self, external_ids: Collection[str]) -> set[str]:
        """Return which of these records are given a structure or sequence in this preview."""
        rows = self._rows.filter(kind=Kind.ALIAS, external_id__among=external_ids)
        return set(rows.filter(key__startswith=SUBSTANCE).values_list("external_id", flat=True))

    def take(self, external_ids: Collection[str]) -> Iterator[PreviewNote]:
        """Yield the notes of some of those that wait, and delete them."""
        for chunk in self.waiting():
            taken = [note for note in chunk if note.external_id in external_ids]
            self._rows.filter(pk__in=[note.pk for note in taken]).delete()
            yield from taken

    def forget(self) -> None:
        """Delete all notes of the draft: a new preview begins."""
        self._rows.delete()

    def keep_refused_alone(self) -> None:
        """Delete what only a preview at work needs."""
        self._rows.exclude(kind=Kind.REFUSED).delete()

    def _hold(self, key: str, kind: str, external_id: str) -> None:
        self._holders.setdefault(key, []).append(Holder(external_id, external_id, kind))


def refused_records(draft: MappingDraft, most: int) -> list[PreviewNote]:
    """Return the first records that the draft's preview would refuse."""
    rows = PreviewNote.objects.filter(draft=draft, kind=Kind.REFUSED)
    return list(rows.order_by("pk")[:most])
