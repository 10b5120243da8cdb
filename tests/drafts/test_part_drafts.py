"""Mapping drafts of structures and sequences: suggested, previewed, published, read again."""

from __future__ import annotations

import json

import pytest
import yaml
from django.core.management import call_command

from registry_sync.drafts.draft import compile_draft
from registry_sync.models import SyncRun
from tests.support.drafting import as_posted
from tests.support.entities import of_type

pytestmark = pytest.mark.once

SMILES = ["CC(=O)Oc1ccccc1C(=O)O", "CN1CCC[C@H]1c1cccnc1", "CC(C)Cc1ccc(cc1)C(C)C(=O)O.[Na+]"]
PARTS = {
    "molecule": ("structure", [{"canonical_smiles": s} for s in SMILES], "canonical_smiles"),
    "dna_sequence": ("sequence", [{"bases": s * 20} for s in ("ACGT", "GGTA", "TTAC")], "bases"),
    "aa_sequence": ("sequence", [{"aa": s * 8} for s in ("MKVLA", "WYHQE", "MDERS")], "aa"),
}  # fmt: skip


@pytest.mark.parametrize("type_", PARTS)
def test_a_part_is_suggested_previewed_published_and_read_again(world, desk, type_, tmp_path):
    key, values, path = PARTS[type_]
    records = [{"id": f"R-{n}", "name": f"Record {n}", "note": "a", **value}
               for n, value in enumerate(values, 1)]  # fmt: skip
    w = of_type(world, type_, records, config={"Mapping Rules": None, "Connector Settings": None})
    draft = desk.start()
    assert [s["path"] for s in draft.suggestions if s["field_id"] == key] == [path]
    desk.do(draft, "take", take=[key])
    desk.do(draft, "save", **as_posted(draft) | {
        "row-2-path": "note", "row-2-field": w.tenant.field_id(w.schema, "Note"),
        "row-2-rule": "as_is",
    })  # fmt: skip
    desk.do(draft, "sample", at="preview")
    desk.publish(draft)
    run = w.sync()
    assert (run.status, run.created) == (SyncRun.Status.SUCCEEDED, 3), run.error
    rules = [i["value"] for i in w.tenant.config.values() if i["path"] == ["Mapping Rules"]]
    assert json.loads(rules[0])[key] == ({"smiles": path} if key == "structure" else {"path": path})
    file = tmp_path / "mapping.yaml"
    call_command("mapping", "export", str(file))
    assert {"part": key, "rule": json.loads(rules[0])[key]} in _fields(file)
    again = desk.start("live")
    assert {"path": path, "field_id": key, "rule": None} in again.rows
    assert compile_draft(again).fingerprint == run.fingerprint


def _fields(file):
    """Return the fields of a mapping file, of all its sections."""
    document = yaml.safe_load(file.read_text())
    return [f for part in document.get("syncs", [document]) for f in part.get("fields", [])]
