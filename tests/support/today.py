"""The worklist of the first page, read back from its HTML."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

from django.test import Client

from tests.support.desk import INDEX

SECTION = re.compile(r'<section class="today-section[^>]*>.*?</section>', re.DOTALL)
CARD = re.compile(
    r'<li class="desk-card today-card (\w+)">(.*?)(?=<li class="desk-card|</section>)', re.DOTALL
)
PRESS = re.compile(r'<li><a class="button[^"]*" href="([^"]+)"[^>]*>([^<]+)</a></li>')


@dataclass
class Shown:
    """A card as a page shows it."""

    section: str
    look: str
    title: str
    text: str
    presses: dict[str, str] = field(default_factory=dict)


def cards(client: Client, url: str = INDEX) -> list[Shown]:
    """Give the cards of the first page, in their order."""
    answer = client.get(url)
    assert answer.status_code == 200
    found = []
    for section in SECTION.findall(answer.content.decode()):
        title = words(re.search(r"<h3[^>]*>(.*?)</h3>", section, re.DOTALL)[1])
        for look, body in CARD.findall(section + "</section>"):
            head = words(re.search(r"<h4>(.*?)</h4>", body, re.DOTALL)[1])
            presses = {
                html.unescape(text).removesuffix("…"): html.unescape(to)
                for to, text in PRESS.findall(body)
            }
            found.append(Shown(title, look, head, words(body), presses))
    return found


def words(some: str) -> str:
    """Give the text of some HTML."""
    text = re.sub(r"<[^>]+>", " ", re.sub(r"</?time[^>]*>", "", some))
    return " ".join(html.unescape(text).split())


def card(client: Client, part: str, url: str = INDEX) -> Shown:
    """Give the only card with these words in its title."""
    found = [one for one in cards(client, url) if part in one.title]
    assert len(found) == 1, [one.title for one in cards(client, url)]
    return found[0]
