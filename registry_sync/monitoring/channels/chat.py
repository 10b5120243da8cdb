"""Alerts into a chat: what Slack and Teams have in common."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable

from django.conf import settings

from registry_sync.core import kept_secrets
from registry_sync.core.types import Json
from registry_sync.models import AlertMessage, AlertSettings
from registry_sync.monitoring.channels.base import Channel, Unsent, post
from registry_sync.monitoring.notice import Notice, notice_of
from registry_sync.monitoring.web_request import address_fault, hide_in_log

CUT = "…"


class Chat(Channel):
    """A POST to a chat's own address, which is a secret: messages name its host only."""

    kind: AlertSettings.ChatKind

    def recipients(self, limits: AlertSettings) -> list[str]:
        return [limits.chat_host] if limits.chat_kind == self.kind else []

    def setup_fault(self) -> str:
        key = settings.BENCHLING_PRIVATE_KEY
        return "" if key else "The operator must set BENCHLING_PRIVATE_KEY."

    def send(self, message: AlertMessage) -> None:
        url = self._address(message)
        hide_in_log(url)
        if fault := address_fault(url):
            raise Unsent(f"The address {fault}.")
        form = self.form(message.subject, notice_of(message.notice))
        body = json.dumps(form, ensure_ascii=False).encode()
        post(url, body, {"Content-Type": "application/json"})

    @abstractmethod
    def form(self, subject: str, notice: Notice) -> Json:
        """Return the JSON object that this chat takes."""

    def _address(self, message: AlertMessage) -> str:
        """Return the address in the present settings. Raise Unsent."""
        if fault := self.setup_fault():
            raise Unsent(f"The address cannot be decrypted. {fault}")
        rows = AlertSettings.objects.filter(chat_kind=self.kind)
        alert = message.alert
        row = (
            rows.of_app() if alert is None
            else rows.filter(tenant=alert.tenant, app_id=alert.app_id)
        ).first()  # fmt: skip
        if row is None:
            raise Unsent("The alert settings no longer have this chat.")
        try:
            return kept_secrets.decrypt(row.chat_address, settings.BENCHLING_PRIVATE_KEY)
        except ValueError as error:
            raise Unsent(
                "The address cannot be decrypted: the app's key pair has changed. The integration "
                "owner must enter the address again in Alert settings."
            ) from error


def fitted(text: str, most: int, escape: Callable[[str], str] = str) -> str:
    """Return a text, escaped character by character, in at most so many characters."""
    whole = escape(text)
    if len(whole) <= most:
        return whole
    pieces, length = [], len(CUT)
    for character in text:
        piece = escape(character)
        length += len(piece)
        if length > most:
            break
        pieces.append(piece)
    return "".join(pieces) + CUT
