"""Values as people read them: labels for ids, links for registry ids, no Python and no JSON."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from registry_sync.core.readable import readable
from registry_sync.desk import chart_geometry, run_display
from registry_sync.desk.values import as_html, as_text, rule_text
from registry_sync.models import Change, Lane, SyncRun
from registry_sync.runs import SchemaView
from tests.support.desk import text
from tests.support.registry import compound
from tests.support.worlds import PRIVATE

pytestmark = pytest.mark.once

SCHEMA = SchemaView(
    {"fields": {"tsf_1": {"name": "Molecule type", "type": "dropdown",
                          "options": {"sfso_1": "Protein", "sfso_2": "Antibody"}}}}
)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"), ("", "–"), ([], "–"), ({}, "–"), (True, "yes"), (False, "no"), (0, "0"),
        (5.25, "5.25"), ("C1=CC=CC=C1", "C1=CC=CC=C1"), (["a", "b"], "a, b"),
        (["1,2-diol", "b"], "1,2-diol; b"), ({"entityRegistryId": "C-1"}, "C-1"),
        ([{"entityRegistryId": "C-1"}, {"entityRegistryId": "C-2"}], "C-1, C-2"),
        ({"mg": 5, "of": ["x", None]}, "mg: 5; of: x, –"), ([["?"]], "?"),
    ],
)  # fmt: skip
def test_a_value_is_written_without_quotes_brackets_and_braces(value, said):
    assert readable(value) == as_text(value) == said


def test_an_option_is_shown_by_its_label_with_its_id_on_hover(db):
    assert as_text("sfso_1", "tsf_1", SCHEMA) == as_text("sfso_1", "Molecule type", SCHEMA)
    assert as_html(["sfso_1", "sfso_2"], "tsf_1", SCHEMA) == (
        '<span title="sfso_1">Protein</span>, <span title="sfso_2">Antibody</span>'
    )
    assert as_html("sfso_9", "tsf_1", SCHEMA) == "sfso_9", "never read: its id"
    assert as_html("<b>", "tsf_1", SCHEMA) == "&lt;b&gt;"
    link = as_html({"entityRegistryId": "C-1"}, "tsf_2", SCHEMA)
    assert link == f'<a href="{reverse("admin:registry_sync_record")}?q=C-1">C-1</a>'


def test_a_rule_is_said_in_words():
    assert rule_text(None) == rule_text("as_is") == "as is"
    assert rule_text([{"rule": "split", "separator": ";"}, "trim"]) == (
        "split (separator: ;), then trim"
    )
    assert rule_text({"rule": "labels", "table": {"SM": "Small molecule"}}) == (
        "label table (table: SM: Small molecule)"
    )


@pytest.fixture
def retyped(world: Any) -> Any:
    """A protein that the registry calls a small molecule later."""
    w = world([compound(1, kind="Protein")])
    w.sync()
    w.registry.edit("C-000001", kind="Small molecule")
    w.sync()
    return w


def exported(path: Path) -> list[dict[str, str]]:
    call_command("audit", "--csv", str(path), verbosity=0)
    with path.open(encoding="utf-8", newline="") as lines:
        return [row for row in csv.DictReader(lines) if row["field"] == "Kind"]


def test_an_auditor_reads_the_label_beside_the_id_that_is_stored(
    retyped, owner, settings, tmp_path
):
    change = Change.objects.filter(field="Kind").latest("id")
    assert change.before != "Protein" != change.after, "the database has option ids"
    call_command("audit", "--entity", "C-000001", stdout=(out := io.StringIO()))
    assert "Kind: Protein → Small molecule" in out.getvalue()
    settings.BENCHLING_PRIVATE_KEY = PRIVATE
    _, last = exported(tmp_path / "all.csv")
    assert (last["before"], last["after"]) == (f'"{change.before}"', f'"{change.after}"')
    assert (last["before_label"], last["after_label"]) == ("Protein", "Small molecule")
    assert list(last)[-2:] == ["before_label", "after_label"]
    run = SyncRun.objects.latest("id")
    pages = [
        reverse("admin:registry_sync_syncrun_change", args=[run.pk]),
        reverse("admin:registry_sync_change_changelist"),
        reverse("admin:registry_sync_change_change", args=[change.pk]),
        reverse("admin:registry_sync_record") + "?id=C-000001",
    ]
    for url in pages:
        html = text(owner.get(url))
        assert f'<span title="{change.before}">Protein</span>' in html, url
        assert f'<span title="{change.after}">Small molecule</span>' in html, url
    table = owner.get(reverse("admin:registry_sync_syncrun_changes_csv", args=[run.pk]))
    assert ",Kind,Protein,Small molecule," in b"".join(table.streaming_content).decode()


def test_a_renamed_option_has_the_label_last_read_and_an_unread_one_its_id(
    retyped, settings, tmp_path
):
    settings.BENCHLING_PRIVATE_KEY = PRIVATE
    for option in retyped.tenant.dropdowns[retyped.kinds]["options"]:
        if option["name"] == "Protein":
            option["name"] = "Proteins"
    retyped.sync(kind=SyncRun.Kind.FULL)
    assert exported(tmp_path / "renamed.csv")[0]["after_label"] == "Proteins"
    Lane.objects.update(schema_snapshot={})
    [first, *_] = exported(tmp_path / "unread.csv")
    assert f'"{first["after_label"]}"' == first["after"]


def test_percentages_add_up_to_a_hundred():
    assert chart_geometry.percents([1, 1, 1]) == [34, 33, 33]
    assert (
        chart_geometry.percents([0, 0.0]) == [0, 0]
        and sum(chart_geometry.percents([5.6, 82.6, 11.7])) == 100
    )


def test_a_run_lists_each_part_of_its_mapping_once():
    sequence = {"path": "bases", "circular": True}
    used = {
        "rows": [{"id": "tsf_1", "field": "Kind", "path": "kind", "rule": None},
                 {"id": "sequence", "field": "sequence", "path": "bases", "rule": sequence},
                 {"id": "circular", "field": "circular", "path": "", "rule": None}],
        "rules": {"sequence": sequence, "tsf_2": {"rule": "constant", "value": "x"}},
        "field_names": {"tsf_1": "Kind", "tsf_2": "Site"},
    }  # fmt: skip
    rows = run_display.mapping_used(SyncRun(mapping=used))
    assert [(row["field"], row["path"]) for row in rows] == [
        ("Kind", "kind"), ("sequence", "bases"), ("Site", ""),
    ]  # fmt: skip
