"""What people read of an answer that is refused or no JSON: the words of a page or of an error."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from registry_sync.source.answers.inner_errors import all_said

LONGEST = 20_000
"""Bytes of an answer that are read."""
SHOWN = 200
UNSEEN = ("script", "style", "template", "svg")
"""Elements of a page whose text no one sees."""


class _Words(HTMLParser):
    """Collects the text of a page, or of XML."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._unseen += tag in UNSEEN

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in UNSEEN and self._unseen > 0

    def handle_data(self, data: str) -> None:
        if not self._unseen and (text := " ".join(data.split())):
            self.words.append(text)


def readable_page(content: bytes) -> str:
    """Return the words of a page, of XML or of a long error in JSON; else the answer as it is."""
    text = content[:LONGEST].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        if len(content) > LONGEST:  # a secret that is cut would not be recognized
            text = text.rpartition(" ")[0]
        return words_of_page(text) or text
    if text.startswith("{") and len(text) > SHOWN:
        try:
            return all_said(json.loads(text)) or text
        except (ValueError, RecursionError):
            return text
    return text


def words_of_page(text: str) -> str:
    """Return the words of a page that people see, each part once."""
    parser = _Words()
    try:
        parser.feed(text)
        parser.close()
    except AssertionError:  # of a declaration that is none
        return ""
    return " ".join(dict.fromkeys(parser.words))
