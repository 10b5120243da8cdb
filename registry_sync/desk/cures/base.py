"""What one cure is: a press for a cause, where it is confirmed, and who may use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Protocol
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from registry_sync import runs
from registry_sync.models import EntityError, Lane


class User(Protocol):
    """Whoever looks at a page."""

    def has_perms(self, perm_list: Sequence[str]) -> bool:
        """Return whether the user has all of these permissions."""


@dataclass(frozen=True, slots=True)
class CureCase:
    """What is to be cured: a cause of a lane.

    `code` is that of a record's error, of a run's failure, or of a finding (`drift`). With `ids`
    only these records are meant.
    """

    lane: Lane
    code: str
    ids: tuple[str, ...] = ()

    def errors(self) -> QuerySet[EntityError]:
        """Return the open errors that are meant, the oldest first."""
        found = runs.open_errors(self.lane).filter(code=self.code)
        return (found.filter(external_id__in=self.ids) if self.ids else found).order_by(
            "first_seen", "pk"
        )

    def query(self) -> str:
        """Return what an address needs to name the lane and the records."""
        return urlencode([("lane", self.lane.pk), *(("id", each) for each in self.ids)])


@dataclass(frozen=True, slots=True)
class Offer:
    """A cure as a page offers it: a link to `address`.

    There it is confirmed with a reason, unless the page only shows something: then `asks` is False.
    """

    name: str
    label: str
    address: str
    permissions: tuple[str, ...]
    asks: bool = True
    note: str = ""
    """What stands beside its button, where its words do not say how much it does."""

    @property
    def words(self) -> str:
        """Return the words of its button."""
        return f"{self.label}…" if self.asks else self.label

    @property
    def permission(self) -> str:
        """Return the first permission that it needs."""
        return self.permissions[0]

    def is_open_to(self, user: User) -> bool:
        """Return whether a user may do it."""
        return user.has_perms(self.permissions)


class Cure:
    """One way out of a cause. A subclass sets the names and overrides what differs.

    `codes` are those it is for; `*` stands for any part. `except_for` are codes it is not for.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    permissions: ClassVar[tuple[str, ...]] = ("registry_sync.change_entityerror",)
    codes: ClassVar[tuple[str, ...]] = ()
    except_for: ClassVar[tuple[str, ...]] = ()
    asks: ClassVar[bool] = True

    def fits(self, code: str) -> bool:
        """Return whether it is a cure for a cause."""
        named = any(fnmatchcase(code, pattern) for pattern in self.codes)
        return named and code not in self.except_for

    def applies(self, case: CureCase) -> bool:
        """Return whether it can be used now. It costs a query at most."""
        return True

    def label_for(self, case: CureCase) -> str:
        """Return the words of its button."""
        return self.label

    def note_for(self, case: CureCase) -> str:
        """Return what stands beside its button. It costs a query at most."""
        return ""

    def address(self, case: CureCase) -> str:
        """Return the address of its confirmation page."""
        raise NotImplementedError

    def offer(self, case: CureCase) -> Offer:
        """Return it as a page offers it."""
        label, address = self.label_for(case), self.address(case)
        note = self.note_for(case)
        return Offer(self.name, label, address, self.permissions, self.asks, note)


def page(name: str, *parts: Any, query: str = "") -> str:
    """Return the address of a page of the desk."""
    address = reverse(f"admin:registry_sync_{name}", args=parts)
    return f"{address}?{query}" if query else address


def record_cell(external_id: str, lane: Lane) -> SafeString:
    """Return a record's id as a link to its page."""
    query = urlencode({"id": external_id, "lane": lane.pk})
    address = f"{reverse('admin:registry_sync_record')}?{query}"
    return format_html('<a href="{}">{}</a>', address, external_id)
