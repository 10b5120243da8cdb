"""What speaks against a comparison having seen everything that the registry has."""

from __future__ import annotations

from registry_sync.core.text import number_of, were
from registry_sync.source.pages import Page

MOVED = (
    "The list changed while it was read, so records may have been passed over. Whoever needs the "
    "comparison makes it again while no one works in the registry."
)


class ReadingDoubts:
    """Doubts about one reading, noted page by page.

    `total` is the registry's own count, `others` how many records came again with other values.
    """

    def __init__(self) -> None:
        self.total: int | None = None
        self.others = 0
        self._by_code: dict[str, str] = {}

    def note(self, page: Page) -> None:
        """Note what a page says about itself."""
        self.total = page.total if page.total is not None else self.total
        for sign in page.signs:
            self._by_code.setdefault(sign.code, f"{sign.text} {sign.remedy}")
        if page.slid:
            self._by_code.setdefault("slid", MOVED)

    def sentences(self, distinct: int) -> list[str]:
        """Return the doubts after the last page, which made so many distinct records."""
        sentences = list(self._by_code.values())
        if self.others:
            sentences.append(
                f"{number_of(self.others, 'record')} came again under the same id with other "
                "values; only the first of each was compared. The registry's owner gives each "
                "record an id of its own."
            )
        if self.total is not None and distinct < self.total:
            sentences.append(
                f"The registry says it has {number_of(self.total, 'record')}, but only "
                f"{number_of(distinct, 'distinct one')} {were(distinct)} returned. The registry's "
                "owner checks which it is, and gives the list a stable order."
            )
        return sentences
