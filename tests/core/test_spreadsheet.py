"""CSV that no spreadsheet computes, and that can be read back."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry_sync.core.spreadsheet import SIGNS, SheetWriter, original_text, spreadsheet_text
from registry_sync.desk import csv_export as csvs

pytestmark = pytest.mark.once
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
TEXTS |= st.text(st.sampled_from("=-@ ab'\t\r\n;\u200b＝"), max_size=12)
BEGINNINGS = st.sampled_from(["", "'", "=", "+1", "-", "@", "\t", "\r", "\n", "＝", "－", "\u200b=",
                              " =", "\ufeff@", "''-"])  # fmt: skip


FORMULAS = [
    "=HYPERLINK(1)", "+1", "-1", "@a", "\ta", "\ra", "\na", " =1", "＝1", "＋1", "－1", "＠a",
    "\u200b=1", "\xa0=1", "'=1", "﹦1",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_computes_begins_with_an_apostrophe(text: str) -> None:
    assert spreadsheet_text(text) == csvs.cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x;=1+1;y", "x;'=1+1;y"), ("x\t@a", "x\t'@a"), ("\t=1", "'\t'=1"), (" \n=1", " \n'=1"),
        ("a\n=1\r\n-2", "a\n'=1\r\n'-2"),
        ("a; \u200b=1", "a;' \u200b=1"), ("a;'=1", "a;''=1"), ("=1;=2", "'=1;'=2"),
        ("a;b - c", "a;b - c"), ("(+)-x, =y", "(+)-x, =y"),
    ],
)  # fmt: skip
def test_nor_is_what_follows_another_separator_computed(text: str, shown: str) -> None:
    assert spreadsheet_text(text) == shown and original_text(shown) == text


@given(BEGINNINGS, TEXTS)
@example("", "it's - fine")
@example("", "a;'b;=1")
def test_every_text_is_read_back_and_none_is_a_formula(start: str, rest: str) -> None:
    text, out = start + rest, io.StringIO(newline="")
    SheetWriter(out).writerow([text, -5, None, "end"])
    [[cell, *others]] = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert original_text(cell) == text and others == ["-5", "", "end"]
    for part in re.split(r"[;\t\r\n]", cell):
        assert part.lstrip()[:1] not in {*SIGNS, *"=+-@"}
    assert cell[:1] not in ("\t", "\r", "\n")
