"""`manage.py backup` and `restore`: into an empty place, and incrementally on."""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path

import pytest

from integration.environment import set_variables


def test_a_restored_deployment_goes_on_incrementally(deploy, tmp_path: Path) -> None:
    d = deploy(5)
    assert d.sync("--full")[0] == 0
    file = tmp_path / "backup.zip"
    status, said = d.run("backup", str(file))
    assert status == 0 and "BENCHLING_CLIENT_SECRET" in said, said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    changes = d.rows("SELECT COUNT(*) FROM registry_sync_change")
    written = d.world.written()
    d.world.registry.edit("C-000002", name="edited since")

    status, said = d.run("restore", str(file))
    assert status == 1 and "The database is not empty" in said, said
    d.use_empty_database()
    del d.env["LEASE_SECONDS"]
    status, said = d.run("restore", str(file))
    assert status == 0 and "Set there and not here: LEASE_SECONDS." in said, said
    assert d.rows("SELECT COUNT(*) FROM registry_sync_change") == changes
    assert d.run("migrate", "--check")[0] == 0

    status, said = d.sync()
    assert status == 0 and "1 changed" in said, said
    assert d.world.written() == written + 1
    kinds = d.rows("SELECT kind FROM registry_sync_syncrun ORDER BY id")
    assert kinds == [("full",), ("incremental",)], "nothing but the edit was read again"
    assert d.run("audit", "--verify")[0] == 0


@pytest.mark.once
def test_a_terminal_is_no_variable_of_the_deployment(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/ssl/ca.pem")
    assert "TERM" not in set_variables() and "SSL_CERT_FILE" in set_variables()


@pytest.mark.once
def test_a_backup_has_no_secret(deploy, tmp_path: Path) -> None:
    d = deploy(1)
    d.sync()
    file = tmp_path / "backup.zip"
    assert d.run("backup", str(file))[0] == 0
    with zipfile.ZipFile(file) as archive:
        told, dumped = json.loads(archive.read("about.json")), archive.read("database")
    assert {"BENCHLING_CLIENT_SECRET", "DATABASE_URL"} <= set(told["settings"])
    assert d.env["BENCHLING_CLIENT_SECRET"] not in json.dumps(told)
    for secret in (d.env["BENCHLING_CLIENT_SECRET"], d.env["BENCHLING_PRIVATE_KEY"]):
        assert secret.encode() not in dumped
    status, said = d.run("backup", str(file))
    assert status == 1 and "cannot be used: File exists" in said, said


@pytest.mark.once
def test_what_cannot_be_restored_says_why(deploy, tmp_path: Path) -> None:
    d = deploy(1)
    file, other = tmp_path / "backup.zip", tmp_path / "other.zip"
    other.write_text("no backup")
    status, said = d.run("restore", str(other))
    assert status == 1 and "is not a backup of Registry Sync" in said
    assert d.run("backup", str(file))[0] == 0
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(other, "w") as changed:
        told = json.loads(archive.read("about.json"))
        told["migrations"].append("registry_sync.9999_later")
        changed.writestr("about.json", json.dumps(told))
    status, said = d.run("restore", str(other))
    assert status == 1 and "registry_sync.9999_later" in said and "Install that version" in said
