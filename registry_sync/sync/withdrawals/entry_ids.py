"""Ids of a second list that cannot be used: entries without one, and ids in another spelling."""

from __future__ import annotations

import json
from collections.abc import Iterable

from registry_sync import runs
from registry_sync.core.secrets import shortened
from registry_sync.core.text import number_of
from registry_sync.source.pages import Page
from registry_sync.sync.context import RunContext
from registry_sync.sync.withdrawals.second_list import SecondList

MOST = 500
"""Unknown ids of a page that are looked up in other spellings."""


class EntryIds:
    """Follows the entries of a list of deletions, and warns of those that name no record."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self._unnamed, self._example = 0, ""
        self._unlike: tuple[str, str] | None = None

    def follow(self, page: Page, listed: SecondList) -> None:
        """Take note of a page's entries."""
        ids = [listed.identify(record) for record in page.records]
        self._unnamed += ids.count(None)
        if not self._example and None in ids:
            example = page.records[ids.index(None)]
            self._example = shortened(json.dumps(example, ensure_ascii=False, default=str), 80)
        if self._unlike is None:
            self._unlike = self._other_spelling({one for one in ids if one})

    def warn(self) -> None:
        """Warn of what was found, once a run. Raise LeaseLost."""
        texts = []
        if self._unnamed:
            entries = number_of(self._unnamed, "entry", "entries")
            have = "has" if self._unnamed == 1 else "have"
            texts.append(f"{entries} of the list of deletions {have} no id: {self._example}.")
        if self._unlike:
            listed_id, record_id = self._unlike
            texts.append(
                f"The list of deletions has the id {listed_id}, but the record has {record_id}."
            )
        if texts:
            texts.append(
                "These deletions are not seen. The integration owner corrects "
                "endpoint.deletes.primary_key in Connector Settings, or the registry's owner the "
                "list's ids."
            )
            runs.warn(self.ctx.run, self.ctx.lease, "feed_ids", " ".join(texts))

    def _other_spelling(self, ids: set[str]) -> tuple[str, str] | None:
        """Return an id that no record has, and that of a record in another spelling."""
        unknown = sorted(ids - self._in_ledger(ids))[:MOST]
        template = self.ctx.setup.connector.registry_id_template or "{id}"
        by_spelling = {other: one for one in unknown for other in spellings(one, template)}
        written = sorted(self._in_ledger(by_spelling) - ids)
        return (by_spelling[written[0]], written[0]) if written else None

    def _in_ledger(self, ids: Iterable[str]) -> set[str]:
        rows = self.ctx.lane.ledger.filter(external_id__among=list(ids))
        return set(rows.values_list("external_id", flat=True))


def spellings(external_id: str, template: str) -> set[str]:
    """Return other ways to write an id: in another case, without zeros, as a registry id."""
    before, _, after = template.partition("{id}")
    inner = external_id.removeprefix(before).removesuffix(after)
    whole = f"{before}{external_id}{after}"
    cases = {external_id.upper(), external_id.lower(), external_id.lstrip("0")}
    return {inner, whole, *cases} - {external_id, ""}
