"""Every value in a canvas reads as itself, whatever Markdown would make of it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from registry_sync.canvas import record_text, text
from registry_sync.canvas.markdown import escaped, plain_text
from registry_sync.models import Adoption, EntityError, LedgerEntry, SyncRun
from tests.support.canvas import Page, work

pytestmark = pytest.mark.once
READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
NAME = "[4-(aminomethyl)phenyl](phenyl)methanone"
HOSTILE = [
    NAME, "[click](javascript:alert(1))", "<img src=x onerror=alert(1)>", "![x](//evil/a.png)",
    "<https://evil.example>", "**bold** __b__ _i_ ~~s~~ `code`", "# heading", "1. one", "2) two",
    "- item", "+ item", "===", "> quote", "a | b", "&lt;b&gt; &#42;", "\\[x](y)", "[x]: /y",
    "first\n\n    code", "```\nfence\n```", "| a |\n| - |\n| b |", "\\", "2*3*4",
]  # fmt: skip


def read(markdown: str) -> tuple[str, set[str]]:
    """Return a document's text, and the kinds of its parts but paragraphs, text and bold."""
    texts: list[str] = []
    kinds: set[str] = set()

    def walk(tokens: list[Token]) -> None:
        for token in tokens:
            kinds.add(token.type)
            if token.type in ("text", "code_inline", "code_block", "fence", "html_inline"):
                texts.append(token.content)
            if token.type == "softbreak":
                texts.append("\n")
            walk(token.children or [])

    walk(READER.parse(markdown))
    plain = {"paragraph_open", "paragraph_close", "inline", "text", "strong_open", "strong_close"}
    return "".join(texts), kinds - plain - {"text_special"}


def in_one_line(value: str) -> str:
    return " ".join(value.replace("\x00", "").split())


SIGNS = st.text(st.sampled_from("\\`*_[]()<>~|&!#+-=.:;\"'1a \n\t{}@/"), max_size=40)


@given(st.one_of(SIGNS, st.text(st.characters(exclude_categories=["Cs"]), max_size=40)))
@example(NAME)
@example("1986. It began")
@example("see https://a.example/x or www.a.example, x@a.example")
def test_a_text_is_read_back_by_a_parser(value: str) -> None:
    for before in ("", "Its name is "):
        assert read(before + escaped(value)) == ((before + in_one_line(value)).strip(), set())
    assert read(f"**{escaped(value)}.** End")[1] == set()
    # As the desk shows it.
    assert plain_text(f"**{escaped(value)}.** End") == f"{in_one_line(value)}. End"


@pytest.mark.parametrize("value", HOSTILE)
def test_every_sentence_shows_its_values_as_they_are(value: str) -> None:
    shown = in_one_line(value)
    run = SyncRun(pk=1, actor=value, status=SyncRun.Status.CANCELLED, error=value, only=[value],
                  paused_by=value, paused_reason=value)  # fmt: skip
    entry = LedgerEntry(external_id=value, name=value)
    error = EntityError(external_id=value, message=value, waits_for="name", waits_key=value)
    row = Adoption(entity_registry_id=value, name=value, state=Adoption.State.OPEN)
    for said in (
        text.starter(run), text.ended(run), text.failure(run), text._names([value, value]),
        record_text.synced(entry, None), record_text.synced(entry, run),
        record_text.not_in_benchling(error, is_there=False), record_text.namesake(error),
        record_text.adoption(row), record_text.unknown(value), record_text.not_synced(value),
        text.misconfigured(type("Row", (), {"config_fault": value})()),  # type: ignore[arg-type]
    ):  # fmt: skip
        content, kinds = read(said)
        assert kinds == set() and shown.rstrip(".") in content, said


def test_a_record_s_name_is_read_in_the_canvas_as_it_is(w) -> None:
    w.registry.edit("C-000003", name=NAME)
    w.registry.edit("C-000004", kind="<img src=x onerror=alert(1)>")
    page = Page(w)
    page.press("manual_sync")
    work()
    for asked, shown in (("C-000003", f"“{NAME}”"), ("C-000004", "“<img src=x onerror=alert(1)>”")):
        page.press("look_up", record=asked)
        for block in page.canvas["blocks"]:
            if block["type"] == "MARKDOWN":
                assert not read(block["value"])[1] & {"link_open", "image", "html_inline"}
        assert shown in read(page.text)[0]
