"""What every channel of alerts does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from registry_sync.models import AlertMessage, AlertSettings
from registry_sync.monitoring import web_request


class Unsent(Exception):
    """A message did not reach its recipient; the text says why, and who must act.

    `retry_after` is how long the recipient wants to be left alone, in seconds; None if not said.
    """

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Channel(ABC):
    """One way to notify people. A channel holds no state."""

    @abstractmethod
    def recipients(self, limits: AlertSettings) -> list[str]:
        """Return the addresses that the alert settings name for this channel, each once."""

    @abstractmethod
    def send(self, message: AlertMessage) -> None:
        """Send one message. Raise Unsent."""

    def setup_fault(self) -> str:
        """Return who must set what before this channel can send; "" if it can."""
        return ""


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send a message by POST; only a 2xx counts as received. Raise Unsent."""
    try:
        web_request.ask("POST", url, data=body, headers=headers)
    except web_request.Unanswered as error:
        raise Unsent(str(error), error.retry_after) from error
