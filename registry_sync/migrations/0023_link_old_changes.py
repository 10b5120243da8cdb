"""Give the chains of changes that were written before links existed their links and heads.

The changes stay as they are and are verified in their form. Each lane that wrote gets a head that
says so (`migrated_at`), signed if the app's key is set. A chain that was broken before stays so:
its last link expects the end that was recorded.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import migrations
from django.db.models import Count, Max
from django.utils import timezone

from registry_sync.core import signing

DELETED, ROW_BY_ROW, RETENTION = 0, 1, 3


def link_old_changes(apps: Any, schema_editor: Any) -> None:
    """Make the links and the head of every lane that wrote."""
    for lane in apps.get_model("registry_sync", "Lane").objects.order_by("pk"):
        _Lane(apps, lane).work()


class _Lane:
    """One lane's chain, as it is found."""

    def __init__(self, apps: Any, lane: Any) -> None:
        def rows(name: str) -> Any:
            return apps.get_model("registry_sync", name).objects

        self.lane, self.links, self.heads = lane, rows("ChainLink"), rows("ChainHead")
        self.changes = rows("Change").filter(lane=lane)
        self.retentions = rows("Retention").filter(lane=lane)
        self.runs = rows("SyncRun").filter(lane=lane).exclude(kind="dry run")
        key = (lane.tenant, lane.app_id, lane.registry_id, lane.schema_id, lane.collection)
        self.mark = hashlib.sha256("\n".join(key).encode()).hexdigest()[:12]
        self.number = self.rows = self.last_id = 0
        self.digest, self.end, self.at = self.mark, self.mark, timezone.now()

    def work(self) -> None:
        """Make the links in order, then the head."""
        head = self.heads.filter(lane=self.lane).first()
        first = self.changes.order_by("id").first()
        self.last_id = first.pk - 1 if first else 0
        for row in self.retentions.order_by("pk"):
            self._retention(row)
        left = self._counts()
        groups = list(
            self.changes.order_by().values_list("run_id", "at")
            .annotate(n=Count("id"), last=Max("id")).order_by("last")
        )  # fmt: skip
        final = {run_id: last for run_id, _, _, last in groups}
        for place, (run_id, at, count, last) in enumerate(groups):
            self.last_id = last
            self.end = self.changes.values_list("digest", flat=True).get(pk=last)
            if head is not None and place == len(groups) - 1:
                self.end = head.digest  # differs where the end was tampered with
            counts = left.pop(run_id, (0, 0)) if final[run_id] == last else (0, 0)
            self.add(ROW_BY_ROW, count, at, run_id, counts)
        if head is not None and not groups and head.digest != self.end:
            self.end = head.digest  # all of them were removed, past this app
            self.add(ROW_BY_ROW, 1, self.at)
        for run_id, counts in sorted(left.items()):
            self.add(ROW_BY_ROW, 0, self.at, run_id, counts)
        if self.number or head is not None:
            self._head()

    def _retention(self, row: Any) -> None:
        self.end = row.digest
        self.add(DELETED, row.rows, row.at)
        row.up_to, row.link = self.number, self.number + 1
        known = [_utc(row.before), row.rows, row.digest, row.actor, row.reason, _utc(row.at)]
        self.add(RETENTION, 0, row.at, end=_digest([*known, row.up_to]))
        row.save(update_fields=["up_to", "link"])

    def _counts(self) -> dict[int, tuple[int, int]]:
        wrote = self.runs.exclude(created=0, updated=0)
        return {pk: (c, u) for pk, c, u in wrote.values_list("pk", "created", "updated")}

    def add(
        self,
        form: int,
        rows: int,
        at: datetime,
        run_id: int | None = None,
        counts: tuple[int, int] = (0, 0),
        end: str = "",
    ) -> None:
        """Add one link."""
        self.number, self.rows = self.number + 1, self.rows + rows
        end = self.end if rows else end
        known = [self.digest, end, self.mark, self.number, form, run_id, rows, *counts]
        known += [self.last_id, _utc(at)]
        self.digest = _digest(known)
        self.links.create(
            lane=self.lane, number=self.number, form=form, run_id=run_id, rows=rows,
            created=counts[0], updated=counts[1], last_id=self.last_id, rows_digest=end,
            digest=self.digest, at=at,
        )  # fmt: skip

    def _head(self) -> None:
        end = {"lane": self.mark, "digest": self.digest, "links": self.number}
        end |= {"rows": self.rows, "unsigned": self.rows}
        try:
            signature = signing.sign_payload(_json(end), settings.BENCHLING_PRIVATE_KEY)
        except ValueError:  # without a key: the next run signs it
            signature = ""
        values = {name: end[name] for name in ("digest", "links", "rows")}
        self.heads.update_or_create(
            lane=self.lane, defaults={**values, "signature": signature, "migrated_at": self.at}
        )


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _digest(known: list[Any]) -> str:
    return hashlib.sha256(_json(known)).hexdigest()


def _json(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


class Migration(migrations.Migration):
    dependencies = [("registry_sync", "0022_chain_links")]
    operations = [migrations.RunPython(link_old_changes, migrations.RunPython.noop)]
