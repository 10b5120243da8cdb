"""What every channel of alerts does."""

from __future__ import annotations

from abc import ABC, abstractmethod

from registry_sync.models import AlertMessage, AlertSettings


class Unsent(Exception):
    """A message did not reach its recipient; the text says why, and who must act."""


class Channel(ABC):
    """One way to notify people. A channel holds no state."""

    @abstractmethod
    def recipients(self, limits: AlertSettings) -> list[str]:
        """Return the addresses that the alert settings name for this channel, each once."""

    @abstractmethod
    def send(self, message: AlertMessage) -> None:
        """Send one message. Raises Unsent."""

    def setup_fault(self) -> str:
        """Return who must set what before this channel can send; "" if it can."""
        return ""
