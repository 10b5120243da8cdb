"""Alerts into Teams, by a workflow that posts when it receives a webhook request.

https://support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams-8ae491c7-0394-4861-ba59-055e33f75498
"""

from __future__ import annotations

from typing import Any

from registry_sync.core.types import Json
from registry_sync.models import AlertSettings
from registry_sync.monitoring.channels.chat import Chat, fitted
from registry_sync.monitoring.notice import Notice

TEXT, FACT = 2000, 800
"""The most characters of the cause and of a fact: Teams takes messages of up to 28 KB."""


class Teams(Chat):
    """An Adaptive Card: the subject, the cause, the facts, and a button to the desk.

    All text is in text runs. A text block would show its Markdown, which no cause is written in.
    https://adaptivecards.io/explorer/TextRun.html
    """

    kind = AlertSettings.ChatKind.TEAMS

    def form(self, subject: str, notice: Notice) -> Json:
        card: Json = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "msteams": {"width": "Full"},
            "body": [
                _block(_run(fitted(subject, FACT), weight="Bolder", size="Large")),
                _block(_run(fitted(notice.text, TEXT))),
                *(_fact(label, text) for label, text in notice.facts()),
            ],
        }
        if notice.link:
            card["actions"] = [
                {"type": "Action.OpenUrl", "title": "Open in Registry Sync", "url": notice.link}
            ]
        kind = "application/vnd.microsoft.card.adaptive"
        attachment = {"contentType": kind, "contentUrl": None, "content": card}
        return {"type": "message", "attachments": [attachment]}


def _block(*runs: Json) -> Json:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, **style: Any) -> Json:
    return {"type": "TextRun", "text": text, **style}


def _fact(label: str, text: str) -> Json:
    text_run = _run(fitted(text, FACT))
    return _block(_run(f"{label}: ", weight="Bolder"), text_run) if label else _block(text_run)
