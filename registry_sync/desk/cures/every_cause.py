"""What can be done about any record's error: check it again, or dismiss it."""

from __future__ import annotations

from typing import ClassVar

from registry_sync.desk.cures.base import Cure, CureCase, page
from registry_sync.reporting.catalogue import RECORD_CAUSES
from registry_sync.sync.retry_choice import UNSENDABLE

RECORDS = tuple(cause.code for cause in RECORD_CAUSES)
"""The codes of records' errors."""


class OfCause(Cure):
    """A press that the errors' list has for a whole cause."""

    codes = RECORDS
    what: ClassVar[str]

    def address(self, case: CureCase) -> str:
        """Return the page that asks for the reason."""
        return page("entityerror_cause", case.code, self.what, query=case.query())


class CheckAgain(OfCause):
    """Ask the registry for the records as they are now."""

    name, label, what = "check", "Check again", "check"
    except_for = tuple(UNSENDABLE)


class Dismiss(OfCause):
    """Ignore the errors until their records change."""

    name, label, what = "dismiss", "Dismiss", "dismiss"
