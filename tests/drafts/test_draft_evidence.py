"""What a draft and its preview say about paths, fields and entries that come to nothing."""

from __future__ import annotations

import html

import pytest
from django.core.management import call_command

from tests.support.drafting import Desk, as_posted, page
from tests.support.registry import compound
from tests.support.worlds import FIELDS


def words(desk: Desk) -> str:
    return html.unescape(desk.told.content.decode())


@pytest.mark.once
def test_a_path_in_no_record_is_no_good_mapping(world, desk):
    files = [{"name": "Spectrum", "type": "blob_link"}]
    w = world([compound(n) for n in range(12)], fields=[*FIELDS, *files])
    w.sync()
    draft = desk.start("live")
    said = words(desk)
    assert "values of their type: Spectrum (blob_link)." in said
    assert "no record of the sample has a value for row 4 (parent)" in said

    n = [row["path"] for row in draft.rows].index("smiles") + 1
    desk.do(draft, "save", **as_posted(draft) | {f"row-{n}-path": "chem.smiles"})
    said = words(desk)
    assert "0 of 12 records in the sample have a value at chem.smiles" in said
    assert "This mapping is valid" not in said and f"row {n} (chem.smiles)" in said

    w.registry.records.append("not a record")
    desk.do(draft, "all", at="preview")
    call_command("mapping", "preview", str(draft.pk))
    said = html.unescape(desk.client.get(page("preview", draft)).content.decode())
    assert (
        "SMILES: 0 of 13 records have chem.smiles. In Benchling 12 entities have a value there, "
        "so a sync would stop and ask before it changes them." in said
    )
    assert "contains “not a record”, which is not a record." in said
    draft.refresh_from_db()
    assert (draft.preview["read"], draft.preview["refused"]) == (13, 1)
    assert "chem.smiles" in html.unescape(desk.client.get(page("publish", draft)).content.decode())


@pytest.mark.once
def test_a_field_that_was_taken_from_the_schema_stays_in_its_row(world, desk):
    w = world([compound(n) for n in range(3)])
    draft = desk.start("live")
    gone = draft.rows[0]["field_id"]
    fields = w.tenant.schemas[w.schema]["fieldDefinitions"]
    w.tenant.schemas[w.schema]["fieldDefinitions"] = [f for f in fields if f["id"] != gone]
    desk.do(draft, "reread")
    assert f"has no field {gone}; choose a Benchling field" in words(desk)
    assert f'<option value="{gone}" selected>{gone}</option>' in words(desk)
    desk.do(draft, "save", **as_posted(draft))
    assert draft.rows[0]["field_id"] == gone
