"""`make release` without its build: the papers are whole, and nothing is said that is not known."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from packaging.version import Version

from registry_sync import __version__
from tests.support import ROOT
from tools import release

pytestmark = [pytest.mark.once, pytest.mark.process]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_bill_and_the_licenses_have_every_dependency(tmp_path):
    names = {plain(each.name) for each in release.locked()}
    assert {"django", "benchling-sdk", "rdkit"} <= names
    bill = json.loads(release.write_bill(tmp_path, validated=False).read_text("utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["version"] == __version__
    assert names <= {plain(each["name"]) for each in bill["components"]}
    assert all(each["version"] for each in bill["components"])
    rows = re.findall(r"^\| ([\w.-]+) \|", release.write_licenses(tmp_path).read_text(), re.M)
    assert names == {plain(name) for name in rows} - {"package", "-"}


def answer(**fields):
    return json.dumps({"dependencies": [{"name": "django", "version": "1.0", **fields}]})


@pytest.mark.parametrize(
    ("written", "said", "reason"),
    [
        (answer(vulns=[]), "", ""),
        (answer(skip_reason="not found"), "", "no advisories for 1 of 1"),
        ("", "ERROR: a\nConnectionError: nothing answers", "nothing answers"),
        ("", "", "wrote nothing"),
    ],
)
def test_what_no_index_answered_is_not_audited(written, said, reason):
    found = release.judge(written, said)
    assert reason in found and bool(found) == bool(reason)


def test_a_known_vulnerability_stops_the_release():
    with pytest.raises(release.Refused, match=r"django 1\.0: CVE-1"):
        release.judge(answer(vulns=[{"id": "CVE-1"}]), "")


def test_without_an_audit_nothing_is_built_unless_asked(tmp_path, monkeypatch, capsys):
    built = []
    monkeypatch.setattr(release, "audit", lambda: "nothing answers")
    monkeypatch.setattr(release, "build", lambda dist: built.append(dist))
    for papers in ("write_bill", "write_licenses"):
        monkeypatch.setattr(release, papers, lambda dist: dist)
    with pytest.raises(release.Refused):
        release.main(["--dist", str(tmp_path / "dist")])
    assert not built and not (tmp_path / "dist").exists()
    assert "NOT AUDITED: nothing answers" in capsys.readouterr().err
    release.main(["--dist", str(tmp_path / "dist"), "--without-audit"])
    assert built and "nothing answers" in (tmp_path / "dist" / "NOT-AUDITED.txt").read_text()
    sums = (tmp_path / "dist" / "SHA256SUMS").read_text()
    assert "requirements.lock" in sums and "NOT-AUDITED.txt" in sums


def test_the_version_is_newer_than_the_last_release_where_anything_has_changed():
    """pip takes a wheel of the installed version for installed, and upgrades nothing."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    _, unreleased, last, *_ = re.split(r"^## ", text, flags=re.MULTILINE)
    if "\n- " in unreleased:
        assert Version(__version__) > Version(last.split()[0])
        assert f"The next version is {__version__}." in unreleased
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    named = set(re.findall(r"(?:venv|before|registry_sync)-(\d+\.\d+\.\d+)", page))
    assert __version__ in named <= {__version__, last.split()[0]}
    kustomization = (ROOT / "deploy" / "kubernetes" / "kustomization.yaml").read_text("utf-8")
    assert f"newTag: {__version__}\n" in kustomization


def test_the_release_has_every_lock_that_an_operator_installs_from(tmp_path):
    release.copy_locks(tmp_path)
    named = "".join(page.read_text("utf-8") for page in (ROOT / "docs").glob("*.md"))
    locks = set(re.findall(r"-r (?:dist/)?(requirements[\w-]*\.lock)", named))
    assert len(locks) == 3 and {path.name for path in tmp_path.iterdir()} == locks


def test_the_source_distribution_has_what_the_image_is_built_from(tmp_path, monkeypatch):
    from setuptools.command.egg_info import FileList

    """docs/deployment.md builds it from there. What an operator adds beside it is secret."""
    built = (ROOT / "deploy" / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", built, re.MULTILINE)
    files = {path.relative_to(ROOT) for path in (ROOT / "deploy").rglob("*") if path.is_file()}
    for pattern in (".dockerignore", *" ".join(copied).split()):
        files |= {path.relative_to(ROOT) for path in ROOT.glob(pattern) if path.is_file()}
    secret = {Path("deploy/env"), Path("deploy/secrets/secret_key")}
    for path in files | secret:
        (tmp_path / path.parent).mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    monkeypatch.chdir(tmp_path)
    found = FileList()
    found.extend(["LICENSE", "README.md", "manifest.yaml", "pyproject.toml"])  # of any project
    for line in (ROOT / "MANIFEST.in").read_text().splitlines():
        if line and not line.startswith("#"):
            found.process_template_line(line)
    assert {Path(name) for name in found.files} == files - secret


def test_the_version_stands_once():
    for project in (ROOT / "pyproject.toml", ROOT / "sandbox" / "pyproject.toml"):
        text = project.read_text("utf-8")
        assert '{ attr = "registry_sync.__version__" }' in text and __version__ not in text
