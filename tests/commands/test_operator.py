"""The operator's contract: settings, checks, the manifest, health and the admin's pages."""

from __future__ import annotations

import io
import json
import stat

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from django.contrib.auth.models import User
from django.core import checks
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from registry_sync.benchling.errors import benchling_unreachable
from registry_sync.checks import key_fault, url_fault
from registry_sync.models.app_scope import tenant_host
from tests.support import ROOT
from tests.support.commands import command, manage
from tests.support.registry import compound
from tests.support.worlds import PRIVATE, PUBLIC


def setting(*names: str, **env: str) -> str:
    said = ", ".join(f"settings.{name}" for name in names)
    code = f"from django.conf import settings; print(repr(({said})))"
    done = manage("shell", "--no-imports", "-v0", "-c", code, **{"DEBUG": "1", **env})
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr


@pytest.mark.once
class TestSettings:
    @pytest.mark.process
    def test_a_secret_comes_from_its_file(self, tmp_path):
        (tmp_path / "s").write_text("from a file\n")
        assert (
            setting("BENCHLING_CLIENT_SECRET", BENCHLING_CLIENT_SECRET_FILE=str(tmp_path / "s"))
            == "'from a file'"
        )

    @pytest.mark.process
    def test_a_secret_file_that_cannot_be_read_is_loud(self, tmp_path):
        done = manage("check", DEBUG="1", SECRET_KEY_FILE=str(tmp_path / "nowhere"))
        assert done.returncode and "SECRET_KEY_FILE: the file" in done.stderr
        assert "does not exist" in done.stderr
        assert "Errno" not in done.stderr.splitlines()[-1]

    @pytest.mark.process
    def test_without_debug_a_secret_key_is_required(self):
        assert "SECRET_KEY" in manage("check").stderr

    @pytest.mark.process
    @pytest.mark.parametrize("value", ["0", "2501", "many", "-1"])
    def test_a_batch_size_outside_its_limits_is_refused(self, value):
        done = manage("check", DEBUG="1", BATCH_SIZE=value)
        assert done.returncode and "BATCH_SIZE" in done.stderr

    @pytest.mark.process
    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            (
                "DATABASE_URL",
                "postgrse://u:hidden@host/name",
                "must be the URL of a database: postgres://",
            ),
            ("DATABASE_URL", "a file", "must be the URL of a database: postgres://"),
            ("LOG_LEVEL", "loud", "must be a log level: DEBUG, INFO or WARNING"),
            ("DEBUG", "maybe", "must be 1 or 0"),
        ],
    )
    def test_a_setting_that_cannot_be_used_is_told_in_a_line(self, name, value, said):
        done = manage("showmigrations", **{"DEBUG": "1", name: value})
        assert done.returncode == 1 and said in done.stderr
        assert done.stderr.startswith(f"The settings cannot be used: {name}")
        assert done.stderr.count("\n") == 1 and "hidden" not in done.stderr

    @pytest.mark.process
    def test_every_setting_that_cannot_be_used_is_told_at_once(self):
        wrong = {"BATCH_SIZE": "many", "LOG_LEVEL": "loud", "HTTPS_ONLY": "maybe", "DEBUG": "0"}
        said = manage("check", **wrong, DATABASE_URL="a file").stderr
        assert said.startswith("The settings cannot be used: ") and "Traceback" not in said
        for name in ("BATCH_SIZE", "LOG_LEVEL", "HTTPS_ONLY", "DATABASE_URL", "SECRET_KEY"):
            assert said.count(f"{name}=") + said.count(f"{name} ") == 1, said

    @pytest.mark.process
    def test_check_lists_them_together_with_what_the_system_checks_find(self):
        wrong = {"BATCH_SIZE": "many", "LOG_LEVEL": "loud", "DEBUG": "0", "SECRET_KEY": "x" * 60}
        warned = {"REDIS_URL": "here", "EMAIL_URL": "there", "HEARTBEAT_URL": "nowhere"}
        done = manage("check", **wrong, **warned, BENCHLING_URL="http://acme.example/x",
                      BENCHLING_APP_ID="")  # fmt: skip
        assert done.returncode == 1 and "Traceback" not in done.stderr
        for said in ("BATCH_SIZE=many must be", "LOG_LEVEL=LOUD must be", "BENCHLING_APP_ID is not",
                     "BENCHLING_URL has a path; write only the tenant's host",
                     *(f"\n{name} " for name in warned)):  # fmt: skip
            assert said in done.stderr, done.stderr
        done = manage("migrate", **wrong, BENCHLING_URL="http://acme.example/x")
        assert "BATCH_SIZE=many" in done.stderr and "BENCHLING_URL" not in done.stderr

    @pytest.mark.process
    def test_https_only_sets_redirect_cookies_and_hsts_together(self):
        on = {"DEBUG": "0", "SECRET_KEY": "x" * 60}
        names = ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
        assert setting(*names, **on) == "(True, True, True)"
        assert setting(*names, **on, HTTPS_ONLY="0") == "(False, False, False)"

    @pytest.mark.process
    def test_sqlite_takes_the_write_lock_at_once(self, tmp_path):
        options = setting("DATABASES", DATABASE_URL=f"sqlite:///{tmp_path}/a.sqlite3")
        assert "IMMEDIATE" in options and "WAL" in options


def told_by_shell(code: str) -> str:
    done = manage("shell", "--no-imports", "-v0", "-c", code, DEBUG="1")
    return done.stdout.strip() or done.stderr


@pytest.mark.once
class TestStart:
    def test_a_command_loads_no_page_of_the_admin(self):
        code = "import sys, registry_sync.jobs; print('registry_sync.admin' in sys.modules)"
        assert told_by_shell(code) == "False"

    def test_check_looks_at_the_admin_all_the_same(self):
        code = (
            "from django.core.checks import run_checks; run_checks(tags=['admin']); "
            "from django.contrib import admin; print(len(admin.site._registry) > 5)"
        )
        assert told_by_shell(code) == "True"


@pytest.mark.process
@pytest.mark.once
def test_a_mapping_is_not_carried_where_settings_are_missing(tmp_path):
    done = manage("mapping", "export", str(tmp_path / "m.yaml"), DEBUG="0", SECRET_KEY="x" * 60)
    assert done.returncode == 1 and "BENCHLING_URL" in done.stderr
    assert "client id and secret" not in done.stderr


@pytest.mark.once
def test_a_mapping_is_not_carried_while_developing_without_a_tenant(db, settings):
    settings.DEBUG, settings.BENCHLING_URL = True, ""
    status, said = command("export", "-", name="mapping")
    assert (status, said.split("\n")[0]) == (1, "BENCHLING_URL is not set.")


@pytest.mark.once
class TestChecks:
    def ids(self) -> set[str]:
        return {str(message.id).rpartition(".")[2] for message in checks.run_checks()}

    def test_a_complete_set_up_is_clean(self, settings):
        settings.BENCHLING_URL = "https://acme.benchling.com"
        settings.BENCHLING_APP_DEFINITION_ID = "appdef_1"
        settings.BENCHLING_PRIVATE_KEY = PRIVATE
        settings.REDIS_URL = "redis://127.0.0.1:6379/0"
        assert not {i for i in self.ids() if i[0] in "EW" and i[1:].isdigit()}

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("BENCHLING_URL", "", "E001"),
            ("BENCHLING_URL", "http://acme.benchling.com", "E002"),
            ("BENCHLING_CLIENT_ID", "", "E003"),
            ("BENCHLING_CLIENT_SECRET", "", "E004"),
            ("BENCHLING_APP_ID", "", "E005"),
            ("BENCHLING_PRIVATE_KEY", "no key", "E006"),
            ("BENCHLING_PRIVATE_KEY", "", "W002"),
            ("BENCHLING_APP_DEFINITION_ID", "", "W001"),
            ("REDIS_URL", "", "W003"),
            ("REDIS_URL", "127.0.0.1:6379", "W006"),
            ("EMAIL_FAULT", "names no host", "W005"),
            ("RQ_QUEUES", {"sync": {"SERIALIZER": "pickle"}}, "E007"),
        ],
    )
    def test_each_misconfiguration_is_named(self, settings, name, value, expected):
        setattr(settings, name, value)
        assert expected in self.ids()

    @pytest.mark.parametrize("form", ["http://{}acme.example", "https://{}acme.benchling.com",
                                      "https://{}[acme", "ftp://{}acme/x"])  # fmt: skip
    def test_a_password_in_the_tenants_address_is_refused_and_not_shown(self, settings, form):
        settings.BENCHLING_URL = form.format("user:hush@")
        (fault,) = [m for m in checks.run_checks() if str(m.id).endswith(".E002")]
        assert "has a user or a password" in fault.msg and "hush" not in str(fault)
        unreachable = benchling_unreachable("refused", settings.BENCHLING_URL)  # as doctor says it
        assert "hush" not in unreachable.remedy and "hush" not in tenant_host()

    def test_a_proxy_that_is_believed_without_https_is_named(self, settings):
        settings.REDIS_URL = "redis://127.0.0.1:6379/0"
        settings.TRUST_PROXY_HEADERS, settings.HTTPS_ONLY = True, False
        found = {str(m.id) for m in checks.run_checks(include_deployment_checks=True)}
        assert "registry_sync.W004" in found
        settings.HTTPS_ONLY = True
        found = {str(m.id) for m in checks.run_checks(include_deployment_checks=True)}
        assert "registry_sync.W004" not in found

    def test_plain_http_is_for_loopback_only(self):
        assert not url_fault("http://127.0.0.1:8000") and not url_fault("http://localhost:1")
        assert "plain http" in url_fault("http://10.0.0.1")
        assert key_fault(PUBLIC) and not key_fault(PRIVATE)


@pytest.mark.once
class TestManifest:
    def render(self, *words: str) -> dict:
        out = io.StringIO()
        call_command("manifest", *words, stdout=out, stderr=io.StringIO())
        return yaml.safe_load(out.getvalue())

    def test_it_holds_the_public_half_of_our_key(self, settings):
        settings.BENCHLING_PRIVATE_KEY = PRIVATE
        manifest = self.render()
        assert self.render("--output", "-") == manifest
        assert manifest["security"]["publicKey"].strip() == PUBLIC.strip()
        names = {item["name"]: item["type"] for item in manifest["configuration"]}
        assert names["API Key"] == "secure_text" and names["Field Configurations"] == "array"
        assert manifest["features"][0]["id"] == "manual_sync"
        assert "settings" not in manifest

    def test_the_legacy_form_has_its_lifecycle(self, settings):
        settings.BENCHLING_PRIVATE_KEY = PRIVATE
        assert self.render("--legacy")["settings"] == {"lifecycleManagement": "MANUAL"}

    def test_a_new_key_is_private_and_never_overwritten(self, tmp_path):
        path = tmp_path / "app.pem"
        manifest = self.render("--new-key", str(path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        assert key.key_size == 2048
        assert "BEGIN PUBLIC KEY" in manifest["security"]["publicKey"]
        with pytest.raises(CommandError, match="never overwritten"):
            self.render("--new-key", str(path))

    @pytest.mark.process
    def test_the_first_step_needs_no_environment_yet(self, tmp_path):
        key, out = tmp_path / "app.pem", tmp_path / "registry-sync.yaml"
        done = manage("manifest", "--new-key", str(key), "--output", str(out), DEBUG="1")
        assert done.returncode == 0 and str(key) in done.stderr and out.exists()

    @pytest.mark.parametrize("legacy", [[], ["--legacy"]])
    def test_its_own_template_is_never_overwritten(self, settings, tmp_path, monkeypatch, legacy):
        settings.BENCHLING_PRIVATE_KEY = PRIVATE
        settings.BASE_DIR = tmp_path
        template = tmp_path / "manifest.yaml"
        template.write_bytes((ROOT / "manifest.yaml").read_bytes())
        (tmp_path / "link.yaml").symlink_to(template)
        monkeypatch.chdir(tmp_path)
        for output in ("manifest.yaml", str(template), "link.yaml"):
            with pytest.raises(CommandError, match="is the template") as refused:
                self.render("--output", output, *legacy)
            assert refused.value.returncode == 64
        assert template.read_bytes() == (ROOT / "manifest.yaml").read_bytes()

    def test_a_template_that_was_overwritten_once_is_told(self, settings, tmp_path):
        settings.BENCHLING_PRIVATE_KEY = PRIVATE
        written = self.render("--legacy")
        settings.BASE_DIR = tmp_path
        (tmp_path / "manifest.yaml").write_text(yaml.safe_dump(written), encoding="utf-8")
        assert self.render("--legacy") == written
        with pytest.raises(CommandError, match="operator must restore it"):
            self.render()

    def test_a_run_that_fails_leaves_no_key(self, tmp_path):
        key = tmp_path / "k.pem"
        with pytest.raises(CommandError, match="No such file or directory"):
            self.render("--new-key", str(key), "--output", str(tmp_path / "nodir" / "x.yaml"))
        assert not key.exists()
        self.render("--new-key", str(key), "--output", str(tmp_path / "x.yaml"))
        assert key_fault(key.read_text()) == ""

    def test_a_private_key_is_never_overwritten_by_a_manifest(self, settings, tmp_path):
        key = tmp_path / "k.pem"
        with pytest.raises(CommandError, match="both name") as refused:
            self.render("--new-key", str(key), "--output", f"{tmp_path}/./k.pem")
        assert refused.value.returncode == 64 and not key.exists()
        settings.BENCHLING_PRIVATE_KEY = PRIVATE
        key.write_text(PRIVATE)
        with pytest.raises(CommandError, match="contains a private key") as refused:
            self.render("--output", str(key))
        assert refused.value.returncode == 64 and key.read_text() == PRIVATE

    def test_the_sdk_reads_it(self, settings, tmp_path):
        from benchling_sdk.apps.helpers.manifest_helpers import manifest_from_file

        settings.BENCHLING_PRIVATE_KEY = PRIVATE
        path = tmp_path / "manifest.yaml"
        call_command("manifest", "--output", str(path), stderr=io.StringIO())
        manifest = manifest_from_file(path)
        assert manifest.info.name == "Registry Sync"
        assert len(manifest.configuration) == 14


def test_health_says_what_is_well(db, client: Client, settings, redis_server):
    settings.REDIS_URL = redis_server.url
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get("/healthz")
    assert answer.status_code == 200 and json.loads(answer.content)["redis"] == "ok"
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert client.get("/healthz").status_code == 503


def test_the_admin_shows_everything_and_changes_nothing(world, admin_client: Client):
    records = [compound(n) for n in range(12)]
    records[11]["name"] = "Compound 1"
    w = world(records)
    run = w.sync()
    for name in ("syncrun", "entityerror", "ledgerentry", "change", "lane", "batch"):
        page = admin_client.get(reverse(f"admin:registry_sync_{name}_changelist"))
        assert page.status_code == 200
        assert admin_client.get(reverse(f"admin:registry_sync_{name}_add")).status_code == 403
    errors = admin_client.get(reverse("admin:registry_sync_entityerror_changelist"))
    assert "C-000011" in errors.content.decode() and "C-000001" in errors.content.decode()
    page = admin_client.get(reverse("admin:registry_sync_syncrun_change", args=[run.pk]))
    assert "12 records read" in page.content.decode()
    address = reverse("admin:registry_sync_change_delete", args=[run.changes.first().pk])
    assert admin_client.post(address, {"post": "yes"}).status_code == 403
    assert run.changes.count() > 0


@pytest.mark.once
def test_a_viewer_without_permission_sees_nothing(db, client: Client):
    client.force_login(User.objects.create_user("viewer", is_staff=True))
    assert client.get(reverse("admin:registry_sync_syncrun_changelist")).status_code == 403
