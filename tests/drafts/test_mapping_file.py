"""From test to production: a mapping is carried by names, and a new tenant starts empty."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
import yaml
from django.core.management import CommandError, call_command

from registry_sync import runs
from registry_sync.models import Lane, LedgerEntry, SyncRun
from tests.support.registry import compound
from tests.support.worlds import FIELDS, INCREMENTAL

pytestmark = pytest.mark.once  # names and a file: nothing of the database

Status = SyncRun.Status
PRODUCTION = [{"name": "Origin", "type": "text"}, *reversed(FIELDS)]


def mapping(*words: str) -> str:
    out = io.StringIO()
    call_command("mapping", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def two(world):
    """A test tenant with a mapping, and a production tenant of other ids with an empty one."""
    fields = [*FIELDS, {"name": "Origin", "type": "text"}]
    test = world([compound(n) for n in range(20)], fields=fields)
    kind = test.tenant.field_id(test.schema, "Kind")
    origin = test.tenant.field_id(test.schema, "Origin")
    option = test.tenant.dropdowns[test.kinds]["options"][0]["id"]
    labels = {"rule": "labels", "table": {"Small molecule": option, "Protein": "Protein"}}
    test.configure(
        **{
            "Mapping Rules": {kind: labels, origin: {"rule": "constant", "value": "Test ERP"}},
            "External Name Field": "{name} [{id}]",
        }
    )

    def production():
        made = world([compound(n) for n in range(30)], fields=PRODUCTION)
        made.tenant.config.clear()
        made.configure(**{"API Key": made.registry.token, "API URL": made.registry.url})
        return made

    return test, production


def test_a_mapping_travels_by_names(two, tmp_path):
    test, production = two
    file = tmp_path / "mapping.yaml"
    assert test.sync().status == Status.SUCCEEDED
    mapping("export", str(file))
    text = file.read_text()
    document = yaml.safe_load(text)
    assert document["schema"] == "Compound" and document["folder"] == "Synced"
    assert {"field": "SMILES", "path": "smiles"} in document["fields"]
    assert "tsf_" not in text and "sfso_" not in text and test.registry.token not in text.split()
    made = production()
    said = mapping("import", str(file))
    assert "API URL is kept as it is" in said and "Every name resolves" in said
    run = made.sync()
    assert run.status == Status.SUCCEEDED, run.error
    values = made.values()["C-000002"]
    assert values["name"] == "Compound 2 [C-000002]" and values["Origin"] == "Test ERP"
    assert values["Kind"] == "Small molecule" and len(made.values()) == 30
    assert "0 items are changed" in mapping("import", str(file))


def test_a_mapping_travels_through_a_pipe(two, tmp_path, monkeypatch, capsys):
    _, production = two
    monkeypatch.chdir(tmp_path)
    mapping("export", "m.yaml")
    assert mapping("export", "-") == "" and not (tmp_path / "-").exists()
    exported = capsys.readouterr().out
    assert exported == (tmp_path / "m.yaml").read_text()
    made = production()
    monkeypatch.setattr("sys.stdin", io.StringIO(exported))
    assert "Every name resolves" in mapping("import", "-")
    assert made.tenant.config


def test_every_name_that_does_not_resolve_is_told_and_nothing_is_written(two, tmp_path):
    _, production = two
    file = tmp_path / "mapping.yaml"
    mapping("export", str(file))
    document = yaml.safe_load(file.read_text())
    document["fields"] += [{"field": "Salt", "path": "salt"}, {"field": "Solvent", "path": "s"}]
    document["folder"] = "Nowhere"
    next(f for f in document["fields"] if f["field"] == "Kind")["rule"]["table"]["x"] = "Antibody"
    file.write_text(yaml.safe_dump(document))
    made = production()
    before = dict(made.tenant.config)
    with pytest.raises(CommandError) as refused:
        mapping("import", str(file))
    for name in ("“Salt”", "“Solvent”", "“Nowhere”", "“Antibody”"):
        assert name in str(refused.value)
    assert made.tenant.config == before and refused.value.returncode == 1


@pytest.mark.parametrize(
    ("connector", "said"),
    [({"endpoint": {"paginator": {"next_url_path": "next"}}}, "next_url_path has no effect"),
     ({"client": {"headers": {"X-Api-Key": "hush"}}}, "X-Api-Key is a secret"),
     ([1], "must be an object")],
)  # fmt: skip
def test_settings_that_a_draft_would_refuse_are_refused(two, tmp_path, connector, said):
    _, production = two
    file = tmp_path / "mapping.yaml"
    mapping("export", str(file))
    document = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**document, "connector_settings": connector}))
    made = production()
    before = dict(made.tenant.config)
    with pytest.raises(CommandError, match=said) as refused:
        mapping("import", str(file))
    assert "must correct the file" in str(refused.value)
    assert made.tenant.config == before and refused.value.returncode == 1


def test_a_dry_run_of_an_import_writes_nothing(two, tmp_path):
    _, production = two
    file = tmp_path / "mapping.yaml"
    mapping("export", str(file))
    made = production()
    before = dict(made.tenant.config)
    assert "would be changed" in mapping("import", str(file), "--dry-run")
    assert made.tenant.config == before


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "not valid YAML"), ("- a", "not a mapping"),
     ("version: 1\nsecret: x", "unknown keys: secret"),
     ("version: 1\nschema: Compound\nregistry: Research\nfields: [1]", "“1” is not a field")],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(world, tmp_path, text, words):
    world([compound(0)])
    file = tmp_path / "mapping.yaml"
    file.write_text(text)
    with pytest.raises(CommandError, match=words):
        mapping("import", str(file))


def test_nothing_is_imported_under_a_run(two, tmp_path):
    file = tmp_path / "mapping.yaml"
    mapping("export", str(file))
    runs.request_run(kind=SyncRun.Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    with pytest.raises(CommandError, match="A run is active") as refused:
        mapping("import", str(file))
    assert refused.value.returncode == 75


def test_the_same_database_pointed_at_another_tenant_starts_empty_and_says_so(world):
    first = world([compound(n) for n in range(20)])
    first.sync()
    second = world([compound(n) for n in range(15)], config={"Connector Settings": INCREMENTAL})
    run = second.sync()
    assert (run.created, len(second.values()), len(first.values())) == (15, 15, 20)
    assert Lane.objects.count() == 2 and LedgerEntry.objects.count() == 35
    said = run.log.get(text__contains="A new lane begins").text
    assert "with an empty ledger" in said and run.lane.tenant in said
    assert run.full_reason == "this is the lane's first run"


def test_another_schema_is_another_lane(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    other = w.tenant.add_schema(
        "Batch", w.benchling_registry, prefix="B", fields=[{"name": "Code", "type": "text"}]
    )
    w.configure(
        **{
            "Schema to Sync": other,
            "Field Configurations": [("Code", "smiles")],
            "Connector Settings": {**INCREMENTAL, "registry_id_template": "B-{id}"},
            "External Name Field": "B {name}",
        }
    )
    run = w.sync()
    assert run.status == Status.SUCCEEDED and run.created == 5 and len(w.values()) == 10
    assert run.log.filter(text__contains="A new lane begins").exists()


def test_a_file_that_is_no_mapping_is_its_owner_s_to_correct(two, tmp_path):
    _, production = two
    production()
    file = tmp_path / "bad.yaml"
    file.write_text("version: 1\nfields: [a: b: c\n")
    with pytest.raises(CommandError) as refused:
        mapping("import", str(file))
    said = str(refused.value)
    assert "it is not valid YAML (line 2: " in said and "Benchling admin" not in said
    assert said.endswith("The integration owner must correct the file. Nothing was changed.")


BOMB = "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in pairwise("abcdefghi"))
MERGES = "".join(
    f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 10)}]}}\n" for a, b in pairwise("abcdefghi")
)
BAD = [
    (f"version: 1\na: &a {{x: x}}\n{MERGES}", "line 3: merge keys (<<) are not supported"),
    (f"version: 1\na: &a [x]\n{BOMB}fields: *i", "its aliases make more than 200,000 values"),
    (f"version: 1\na: &a {{x: x}}\n{BOMB}fields: *i", "its aliases make more than 200,000 values"),
    ("version: 1\nfields: [" + "a," * 200_000 + "]", "it is larger than 200 KB"),
    ("{version: 1, fields: " + "[" * 20_000, "it is nested more than 100 levels deep"),
    ("- " * 20_000, "it is nested more than 100 levels deep"),
    ("[" * 20_000, "it is nested more than 100 levels deep"),
    ("version: 1\nconnector_settings: " + '{"a": ' * 20_000, "nested more than 100 levels"),
    (f"version: 1\nfields: {'[' * 150}{']' * 150}", "nested more than 100 levels deep"),
    ("version: 1\nfields: &all [*all]", "a value that JSON does not have (Circular"),
    ("version: 1\nfields: [{field: .nan}]", "a value that JSON does not have (Out of range"),
    ("version: 1\nfields: [{path: !!binary aGk=}]", "JSON does not have (Object of type bytes"),
    ("version: 1\nfolder: 2026-13-45", "it has no fields"),
]


def test_a_file_that_cannot_be_a_mapping_is_no_traceback(two, tmp_path):
    two[1]()
    file = tmp_path / "bad.yaml"
    for text, said in BAD:
        file.write_text(text)
        with pytest.raises(CommandError) as refused:
            mapping("import", str(file))
        assert said in str(refused.value)
        assert "integration owner must correct the file" in str(refused.value)
        assert refused.value.returncode == (1 if "no fields" in said else 64)


def test_a_file_that_is_not_there_is_named_once(two, tmp_path):
    two[1]()
    file = tmp_path / "nofile.yaml"
    with pytest.raises(CommandError) as refused:
        mapping("import", str(file))
    assert str(refused.value) == f"There is no file {file}." and refused.value.returncode == 64
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError, match="cannot be read: it is not UTF-8 text"):
        mapping("import", str(file))
