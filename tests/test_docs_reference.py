"""The docs' reference: what is rendered from the code is the code's, and nothing is left out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from integration.variables import GROUPS
from registry_sync.benchling.entity_types import ENTITY_TYPES, ONLY_READ
from registry_sync.models import AlertMessage
from registry_sync.monitoring.channels import CHANNELS
from registry_sync.monitoring.doctor import checkup, lane, service, sync_history, tenant
from registry_sync.reporting.catalogue import RECORD_CAUSES, RUN_FAILURES, RUN_WAITS, WARNINGS
from tests.support import ROOT
from tests.support.environment import VARIABLES
from tools import reference

pytestmark = pytest.mark.once
DOCS = ROOT / "docs"
PAGES = [page for page in sorted(DOCS.glob("*.md")) if "<!-- end of " in page.read_text()]
SETTINGS = ROOT / "integration" / "settings.py"
DESCRIBED = {name: each for group in GROUPS.values() for each in group for name in each.names}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_rendered_tables_are_the_codes(page):
    text = page.read_text("utf-8")
    assert reference.rendered(text) == text, "run: make reference"


def test_every_table_of_variables_and_commands_is_shown():
    settings = (DOCS / "settings.md").read_text("utf-8")
    assert [name for name in GROUPS if f"<!-- variables: {name} -->" not in settings] == []
    commands = (DOCS / "commands.md").read_text("utf-8")
    files = (ROOT / "registry_sync/management/commands").glob("[!_]*.py")
    names = [file.stem for file in files]
    assert [name for name in names if f"\n### {name}\n" not in commands] == []
    summary = commands.partition("## Exit status")[0]
    assert [name for name in names if f"(#{name})" not in summary] == []


def test_every_variable_that_the_code_reads_is_described():
    read = set(VARIABLES)
    for file in [*(ROOT / "integration").glob("*.py"), *(ROOT / "registry_sync").rglob("*.py")]:
        read |= set(re.findall(r'os\.environ\.get\("([A-Z_]+)"', file.read_text("utf-8")))
    assert read - set(DESCRIBED) == set()
    assert set(DESCRIBED) - read - {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"} == set()


def defaults() -> Iterator[tuple[str, str]]:
    """Yield variables of the settings with the default that the code writes out, in words."""
    for node in ast.walk(ast.parse(SETTINGS.read_text("utf-8"))):
        if not isinstance(node, ast.Call) or not str(getattr(node.func, "id", "")).startswith(
            "env"
        ):
            continue
        given = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "default")]
        if given and isinstance(given[0], ast.Constant):
            value = given[0].value
            yield str(node.args[0].value), str(value) if value is not False else "off"


@pytest.mark.parametrize(("name", "default"), list(defaults()))
def test_described_defaults_are_the_codes(name, default):
    described = DESCRIBED[name].default
    assert name == "BENCHLING_JWKS_URL" or described.partition(":")[0] == default


def test_secrets_are_the_ones_that_can_be_files():
    secret = re.findall(r'env_(?:secret|database)\(\s*"(\w+)"', SETTINGS.read_text("utf-8"))
    assert {name for name, each in DESCRIBED.items() if each.secret} == set(secret)


def test_every_address_that_is_configured_stands_among_the_connections():
    page = (DOCS / "security.md").read_text("utf-8")
    table = page.partition("\n## Connections\n")[2].partition("\n## ")[0]
    addresses = {name for name in DESCRIBED if re.search(r"_(URL|ENDPOINT|PROXY)$", name)}
    assert len(addresses) > 8
    assert [name for name in addresses - {"NO_PROXY"} if f"`{name}`" not in table] == []


def test_every_cause_stands_under_a_symptom():
    page = (DOCS / "troubleshooting.md").read_text("utf-8")
    named = {
        code for marks in re.findall(r"<!-- causes: ([^>]+?) -->", page) for code in marks.split()
    }
    codes = {cause.code for cause in (*RECORD_CAUSES, *RUN_FAILURES, *WARNINGS)}
    assert codes - named == set(), "name them in docs/troubleshooting.md, then run: make reference"
    assert all(f"`{wait.code or 'other'}`" in page for wait in RUN_WAITS)


def test_doctor_knows_every_module_that_may_have_checks():
    folder = ROOT / "registry_sync" / "monitoring" / "doctor"
    modules = {path.stem for path in folder.glob("[!_]*.py")} - {"checkup"}
    imported = re.findall(r"^from registry_sync\.monitoring\.doctor\.(\w+) import",
                          (folder / "checkup.py").read_text("utf-8"), re.MULTILINE)  # fmt: skip
    assert modules == {*imported}, "import its checks in checkup.py, or they never run"


def test_every_entity_type_stands_in_its_table():
    page = (DOCS / "entity-types.md").read_text("utf-8")
    cells = re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE)
    named = {name for cell in cells for name in cell.split(", ")}
    labels = [kind.label for kind in (*ENTITY_TYPES.values(), *ONLY_READ)]
    singular = {re.sub("ies$", "y", label).removesuffix("s") for label in labels}
    assert {"custom entity", "mixture"} <= singular and singular - named == set()


def test_operations_names_every_check_of_doctor_and_every_channel_of_alerts():
    page = (DOCS / "operations.md").read_text("utf-8")
    doctor = page.partition("\n## Doctor\n")[2].partition("\n## ")[0]
    tables = (service.SERVICE_CHECKS, tenant.TENANT_CHECKS, sync_history.HISTORY_CHECKS,
              lane.LANE_CHECKS, checkup.ABOUT_REGISTRY)  # fmt: skip
    assert [name for table in tables for name in table if f"*{name}*" not in doctor] == []
    alerts = page.partition("\n## Alerts\n")[2].partition("\n## ")[0].casefold()
    assert [name for name in CHANNELS if name.casefold() not in alerts] == []
    assert {*CHANNELS} == {*AlertMessage.Channel.values}
