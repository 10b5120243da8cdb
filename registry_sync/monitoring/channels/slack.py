"""Alerts into Slack, by an incoming webhook.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/
"""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from registry_sync.core.types import Json
from registry_sync.models import AlertSettings
from registry_sync.monitoring.channels.chat import Chat, fitted
from registry_sync.monitoring.notice import Notice

HEADER, SECTION, FIELD = 150, 3000, 2000
"""The most characters of these texts: https://docs.slack.dev/reference/block-kit/blocks/"""


class Slack(Chat):
    """Blocks of mrkdwn: the subject, the cause, the facts, and the link to the desk."""

    kind = AlertSettings.ChatKind.SLACK

    def form(self, subject: str, notice: Notice) -> Json:
        facts = list(notice.facts())
        fields = [_field(label, text) for label, text in facts if label]
        blocks = [
            {"type": "header", "text": _plain(fitted(subject, HEADER))},
            {"type": "section", "text": _markdown(fitted(notice.text, SECTION, _escaped))},
            *([{"type": "section", "fields": fields[:10]}] if fields else []),
            *(_section(fitted(text, SECTION, _escaped)) for label, text in facts if not label),
        ]
        if notice.link:
            address = _escaped(quote(notice.link, safe=":/?&=#%"))
            blocks.append(_section(f"<{address}|Open in Registry Sync>"))
        return {"text": fitted(subject, SECTION, _escaped), "blocks": blocks}


def _escaped(text: str) -> str:
    """Escape the three characters that Slack takes for markup.

    https://docs.slack.dev/messaging/formatting-message-text/#escaping
    """
    return escape(text, quote=False)


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": False}


def _markdown(text: str) -> Json:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _section(text: str) -> Json:
    return {"type": "section", "text": _markdown(text)}


def _field(label: str, text: str) -> Json:
    head = f"*{label}*\n"
    return _markdown(head + fitted(text, FIELD - len(head), _escaped))
