"""Auth types and paginators: one class each, found by registration, with one row in the docs."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import requests

from registry_sync.core.types import Json
from registry_sync.source.auth import AUTH, Auth
from registry_sync.source.auth.base import Credential
from registry_sync.source.auth.base import register as register_auth
from registry_sync.source.paginators import PAGINATORS, PageAnswer, Paginator
from registry_sync.source.paginators.base import register as register_paginator
from tests.support import ROOT
from tests.support.odd import Asked, ids

pytestmark = pytest.mark.once
DOCS = (ROOT / "docs" / "connectors.md").read_text()


@pytest.mark.parametrize("kind", [*AUTH.values(), *PAGINATORS.values()], ids=lambda kind: kind.type)
def test_each_kind_is_small_and_has_its_row_in_the_docs(kind: Any) -> None:
    assert f"| `{kind.type}` | {kind.about} |" in DOCS
    assert len(inspect.getsource(kind).splitlines()) <= 80


def test_a_new_auth_type_needs_no_other_change(serve: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(AUTH, "reversed", Auth)

    @register_auth("reversed")
    @dataclass(frozen=True, slots=True)
    class Reversed(Auth):
        about: ClassVar[str] = "the key, backwards"

        def sign(self, request: requests.PreparedRequest, credential: Credential) -> None:
            request.headers["X-Key"] = credential.secret[::-1]

        def strip(self, url: str) -> str:
            return url.replace("terc3s", "")

    registry = serve(lambda asked: [{"id": 1}])
    assert ids(registry.source({"client": {"auth": "reversed"}})) == ["1"]
    assert registry.asked[0].headers["X-Key"] == "terc3s"


def test_a_new_paginator_needs_no_other_change(serve: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(PAGINATORS, "letters", Paginator)

    @register_paginator("letters")
    @dataclass(frozen=True, slots=True)
    class Letters(Paginator):
        about: ClassVar[str] = "a page for each letter"
        letter_param: str = "letter"

        def parameters(self) -> dict[str, str]:
            return {"letter": self.letter_param}

        def values(self, position: Json | None) -> Json:
            return {"letter": position["letter"] if position else "a"}

        def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
            letter = self.values(position)["letter"]
            return {"letter": chr(ord(letter) + 1)} if letter < "c" else None

    def answer(asked: Asked) -> Any:
        return [{"id": asked.query["initial"]}]

    registry = serve(answer)
    paginator = {"type": "letters", "letter_param": "initial"}
    assert ids(registry.source({"endpoint": {"paginator": paginator}})) == ["a", "b", "c"]
    held = {"params": {"initial": "{letter}"}, "paginator": "letters"}
    assert ids(registry.source({"endpoint": held})) == ["a", "b", "c"]
