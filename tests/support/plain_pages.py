"""Someone without JavaScript at the desk: follows what a page's HTML has, and types no address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

from django.test import Client
from django.test.html import Element, parse_html

FIELDS = ("input", "select", "textarea")


class PlainPages:
    """The pages that someone sees one after the other, and how often they clicked."""

    def __init__(self, client: Client) -> None:
        self.client, self.clicks, self.url = client, 0, ""

    def open(self, url: str) -> None:
        """Open a page by its address, as a bookmark does; the count of clicks begins again."""
        self._show(self.client.get(url, follow=True), url)
        self.clicks = 0

    def look_again(self) -> None:
        """Load the page again, as one that is at work asks the browser to, or by its link."""
        again = [e for e, _ in self.seen() if e.name == "meta" and _of(e, "http-equiv")]
        assert again or self._named("Look again", "a"), f"{self.url} never changes without scripts"
        self._show(self.client.get(self.url), self.url)

    def follow(self, name: str) -> None:
        """Click the first link that has this text or label, or whose text begins so."""
        link, _ = self._first(name, "a")
        self._show(self._get(_of(link, "href")), _of(link, "href"))
        self.clicks += 1

    def press(self, name: str, **typed: str) -> None:
        """Press a button, once what its form asks for has been typed: by the fields' labels."""
        button, above = self._first(name, "button", "input")
        forms = [each for each in above if each.name == "form"]
        assert forms, f"“{name}” of {self.url} is in no form"
        sent = self._filled(forms[-1], typed)
        if _of(button, "name"):
            sent.setdefault(_of(button, "name"), []).append(_of(button, "value"))
        where = _of(button, "formaction") or _of(forms[-1], "action") or self.url
        if _of(forms[-1], "method").lower() == "post":
            answer = self.client.post(urljoin(self.url, where), sent, follow=True)
        else:
            answer = self.client.get(urljoin(self.url, where), sent, follow=True)
        self._show(answer, where)
        self.clicks += 1

    @property
    def words(self) -> str:
        return _words(self.page)

    def seen(self) -> Iterator[tuple[Element, tuple[Element, ...]]]:
        """Give each element that is not hidden, with those that it is in."""
        return _walk(self.page, ())

    def _show(self, answer: Any, url: str) -> None:
        assert answer.status_code == 200, f"{url}: {answer.status_code}"
        for address, _ in getattr(answer, "redirect_chain", []):
            url = urljoin(url, address)
        self.url = urljoin(self.url, url)
        root = parse_html(answer.content.decode())
        self.page = root if isinstance(root, Element) else Element("html", ())

    def _get(self, href: str) -> Any:
        return self.client.get(urljoin(self.url, href), follow=True)

    def _named(self, name: str, *kinds: str) -> list[tuple[Element, tuple[Element, ...]]]:
        """Give the elements that have this name, or else those whose name begins so."""
        some = [(e, above, _names(e)) for e, above in self.seen() if e.name in kinds]
        whole = [(e, above) for e, above, names in some if name in names]
        return whole or [
            (e, above) for e, above, names in some if any(n.startswith(name) for n in names)
        ]

    def _first(self, name: str, *kinds: str) -> tuple[Element, tuple[Element, ...]]:
        found = self._named(name, *kinds)
        assert found, f"no {kinds} “{name}” on {self.url}: {self.words[:3000]}"
        return found[0]

    def _filled(self, form: Element, typed: dict[str, str]) -> dict[str, list[str]]:
        """Give what a browser sends, with what was typed."""
        sent: dict[str, list[str]] = {}
        for field, _ in _walk(form, (), hidden=True):
            name = _of(field, "name")
            if field.name in FIELDS and name and not _has(field, "disabled"):
                given = typed.pop(name, None)
                values = _values(field) if given is None else [given]
                assert any(values) or not _has(field, "required"), f"{name} must be filled in"
                if values:
                    sent.setdefault(name, []).extend(values)
        assert not typed, f"the form of {self.url} does not ask for {typed}"
        return sent


def _names(element: Element) -> tuple[str, ...]:
    """Give what a link or button is known by, none where it does nothing without a script."""
    if element.name == "button" and _of(element, "type") == "button":
        return ()
    if element.name == "input":
        return (_of(element, "value"),) if _of(element, "type") == "submit" else ()
    return _words(element), _of(element, "aria-label")


def _values(field: Element) -> list[str]:
    """Give what a field is sent with if no one touches it."""
    if field.name == "textarea":
        return [_words(field)]
    if field.name == "select":
        options = [e for e, _ in _walk(field, (), hidden=True) if e.name == "option"]
        chosen = [e for e in options if _has(e, "selected")] or options[:1]
        return [_of(e, "value") for e in chosen]
    if _of(field, "type") in ("submit", "button", "image", "reset"):
        return []
    if _of(field, "type") in ("checkbox", "radio"):
        return [_of(field, "value") or "on"] if _has(field, "checked") else []
    return [_of(field, "value")]


def _walk(
    element: Element, above: tuple[Element, ...], *, hidden: bool = False
) -> Iterator[tuple[Element, tuple[Element, ...]]]:
    for child in element.children:
        if isinstance(child, Element) and (hidden or not _has(child, "hidden")):
            yield child, (*above, child)
            yield from _walk(child, (*above, child), hidden=hidden)


def _words(element: Element | str) -> str:
    if isinstance(element, str):
        return element
    if element.name in ("script", "style"):
        return ""
    return re.sub(r"\s+", " ", " ".join(map(_words, element.children))).strip()


def _of(element: Element, name: str) -> str:
    return str(dict(element.attributes).get(name) or "")


def _has(element: Element, name: str) -> bool:
    return name in dict(element.attributes)
