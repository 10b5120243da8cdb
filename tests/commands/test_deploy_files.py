"""The files of deploy/: checked by the tools of their own formats, and run where they can be."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
import requests
import yaml

from integration.variables import GROUPS
from registry_sync.monitoring.metrics.families import FAMILIES
from sandbox.children import dies_with_parent, free_port
from tests.support import ROOT
from tests.support.deployment import until

pytestmark = [pytest.mark.once, pytest.mark.process]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
COMMAND = "/srv/registry-sync/.venv/bin/registry-sync"


TAKEN = {
    "root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy",
    "www-data", "backup", "list", "irc", "_apt", "nobody",
}  # fmt: skip
"""Users that every Debian has, of its package base-passwd."""


def checked(*words: str | Path) -> str:
    """Run a tool that must find nothing; return what it printed."""
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_docs_name_what_checks_each_file() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    rows = re.findall(r"^\| (`deploy/.*?) \|", page, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    files = [file.relative_to(ROOT) for file in DEPLOY.rglob("*") if file.is_file()]
    assert [f for f in files if not any(name in f"{f}" for name in named)] == []


def test_the_example_of_the_environment_has_variables_of_the_service() -> None:
    known = {name for group in GROUPS.values() for each in group for name in each.names}
    lines = (DEPLOY / "env.example").read_text().splitlines()
    given = [found[1] for line in lines if (found := re.match(r"#?([A-Z_]+)=", line))]
    assert "DATABASE_URL" in given
    assert {name.removesuffix("_FILE") for name in given} <= known
    assert [line for line in lines if re.match(r"export|#?[A-Z_]+=.*[\"']", line)] == []


def test_the_image() -> None:
    checked(BIN / "hadolint", DEPLOY / "Dockerfile")
    text = (DEPLOY / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    assert all(list(ROOT.glob(name)) for name in names), names
    assert 'for extra in "" $EXTRAS' in text and "requirements-chem.lock" in names
    users = re.findall(r"^RUN useradd .* (\S+)$", text, re.MULTILINE)
    assert users and TAKEN.isdisjoint(users), users
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    files = [found.name for name in names for found in ROOT.glob(name)]
    assert [name for name in files if not any(fnmatch(name, one) for one in kept)] == []


def test_compose() -> None:
    file = DEPLOY / "compose.yaml"
    checked(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
    services = yaml.safe_load(file.read_text())["services"]
    assert {"web", "worker-sync", "worker-interactive", "scheduler"} <= set(services)


def test_kubernetes() -> None:
    files = sorted((DEPLOY / "kubernetes").glob("[!k]*.yaml"))
    assert len(files) > 5
    checked(BIN / "kubernetes-validate", "--strict", *files)
    listed = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    assert [f.name for f in files if f.name not in listed and "example" not in f.name] == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_the_units_of_systemd(tmp_path: Path) -> None:
    for file in (DEPLOY / "systemd").iterdir():
        text = file.read_text()
        assert file.suffix == ".timer" or COMMAND in text
        (tmp_path / file.name).write_text(text.replace(COMMAND, "/bin/true"))
    said = checked("systemd-analyze", "verify", *sorted(tmp_path.iterdir()))
    assert not said.strip(), said


def test_a_command_by_hand_has_the_environment_of_the_units(tmp_path: Path) -> None:
    checked("sh", "-n", DEPLOY / "rs")
    stand_in = tmp_path / "systemd-run"
    stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    stand_in.chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    words = [str(DEPLOY / "rs"), "run", "pause", "--reason", "two words"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=True, timeout=20)
    said = done.stdout.splitlines()
    assert said[said.index(COMMAND) :] == [COMMAND, "run", "pause", "--reason", "two words"]
    unit = (DEPLOY / "systemd" / "registry-sync-web.service").read_text()
    for option, key in (("--property", "EnvironmentFile"), ("--uid", "User"), ("--gid", "Group"),
                        ("--working-directory", "WorkingDirectory")):  # fmt: skip
        given = said[said.index(option) + 1].removeprefix("EnvironmentFile=")
        assert f"\n{key}={given}\n" in unit
    assert "--pipe" in said, "without a terminal, as cron has none"


@pytest.mark.skipif(not shutil.which("promtool"), reason="prometheus is not installed")
def test_prometheus_and_grafana(db: None) -> None:
    folder = DEPLOY / "monitoring"
    checked("promtool", "check", "rules", folder / "alerts.yaml")
    checked("promtool", "check", "config", "--syntax-only", folder / "prometheus.yml")
    known = {family.name for family in FAMILIES}
    dashboard = json.loads((folder / "grafana-dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked.append((folder / "alerts.yaml").read_text())
    found = re.findall(r"\bregistry_sync_(\w+)", " ".join(asked))
    names = {re.sub(r"(duration_seconds)_(bucket|sum|count)$", r"\1", name) for name in found}
    assert names == known, "each metric is drawn or watched, and no other is asked for"


@pytest.fixture(params=["nginx", "caddy"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Serve a file of deploy/proxy/ with TLS before an echo of what it passes on."""
    tls, behind = free_port(), free_port()
    proxy = {"nginx": _nginx, "caddy": _caddy}[request.param](tmp_path, tls, behind)
    (tmp_path / "echo.py").write_text(ECHO)
    web = [BIN / "gunicorn", "-c", ROOT / "integration" / "gunicorn.conf.py", "-w", "1",
           "-b", f"127.0.0.1:{behind}", "--log-level", "error", "echo"]  # fmt: skip
    env = os.environ | {
        "XDG_DATA_HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "SITE": f"https://sync.example.com:{tls}",
    }
    children = [
        subprocess.Popen(words, cwd=tmp_path, env=env, preexec_fn=dies_with_parent)
        for words in (proxy, web)
    ]
    url = f"https://127.0.0.1:{tls}"
    try:
        until(lambda: _status(url) == 200, seconds=30, what=f"{request.param} and gunicorn")
        yield url
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(20)


def _nginx(folder: Path, tls: int, behind: int) -> list[str]:
    if not (nginx := shutil.which("nginx") or shutil.which("/usr/sbin/nginx")):
        pytest.skip("nginx is not installed")
    key, certificate = folder / "privkey.pem", folder / "fullchain.pem"
    checked("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", "/CN=sync.example.com", "-keyout", key, "-out",
            certificate)  # fmt: skip
    conf = (DEPLOY / "proxy" / "nginx.conf").read_text()
    for old, new in {
        "/etc/ssl/registry-sync/": f"{folder}/",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{tls} ssl http2;",
        "127.0.0.1:8000": f"127.0.0.1:{behind}",
    }.items():
        assert old in conf
        conf = conf.replace(old, new)
    user = "" if os.geteuid() else "user root; "  # its workers write into this folder
    whole = folder / "nginx.conf"
    whole.write_text(MAIN.format(folder=folder, conf=conf, user=user))
    checked(nginx, "-t", "-c", whole, "-p", folder, "-e", folder / "error.log")
    return [nginx, "-c", str(whole), "-p", str(folder), "-e", f"{folder}/error.log"]


def _caddy(folder: Path, tls: int, behind: int) -> list[str]:
    text = (DEPLOY / "proxy" / "Caddyfile").read_text()
    assert "web:8000 {" in text
    conf = folder / "Caddyfile"
    # Certificates of its own, which the machine does not come to trust.
    conf.write_text(OWN_CA + text.replace("web:8000", f"127.0.0.1:{behind}"))
    return [str(BIN / "caddy"), "run", "--config", str(conf), "--adapter", "caddyfile"]


OWN_CA = """{
	admin off
	local_certs
	skip_install_trust
	auto_https disable_redirects
	default_sni sync.example.com
	log {
		level ERROR
	}
}
"""
MAIN = """{user}daemon off; worker_processes 1; pid {folder}/nginx.pid;
events {{}}
http {{ access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{conf}
}}
"""
ECHO = """import json
begun = []
def application(environ, start_response):
    begun.append(1)
    start_response("200 OK", [("Content-Type", "application/json")])
    told = {k: v for k, v in environ.items() if k.startswith("HTTP_X_") or k == "wsgi.url_scheme"}
    told["read"] = len(environ["wsgi.input"].read())
    told["begun"] = len(begun)
    return [json.dumps(told).encode()]
"""


HOST = {"Host": "sync.example.com"}


def _status(url: str) -> int:
    try:
        return requests.get(url, headers=HOST, verify=False, timeout=5).status_code
    except requests.RequestException:
        return 0


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
def test_a_proxy_overwrites_what_a_client_forges_and_buffers(site: str) -> None:
    def post(body: bytes, **headers: str) -> requests.Response:
        return requests.post(site, data=body, headers=HOST | headers, verify=False, timeout=20)

    forged = {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "x.y"}
    said = post(b"x" * 500_000, **forged).json()
    assert said["HTTP_X_FORWARDED_FOR"] == "127.0.0.1"
    assert said["HTTP_X_FORWARDED_PROTO"] == "https"
    assert said["HTTP_X_FORWARDED_HOST"] == "sync.example.com"
    assert said["read"] == 500_000
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    port = int(site.rsplit(":", 1)[1])
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port))) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: sync.example.com\r\nContent-Length: 900\r\n\r\n{")
        seen = [post(b"").json()["begun"] for _ in range(3)]
    assert seen == [said["begun"] + n for n in (1, 2, 3)], "half a request reached the service"
    assert post(b"x" * 3_000_000).status_code == 413
