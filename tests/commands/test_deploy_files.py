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
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
    steps = re.findall(r"\bpip (?:install|wheel) ((?:\\\n|[^&|\n])+)", text)
    assert len(steps) == 4, steps
    for step in steps:
        built_here = "--no-index" in step or "--no-build-isolation" in step
        assert "--require-hashes" in step or ("--no-deps" in step and built_here), step
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    files = [found.name for name in names for found in ROOT.glob(name)]
    assert [name for name in files if not any(fnmatch(name, one) for one in kept)] == []


def test_compose() -> None:
    file = DEPLOY / "compose.yaml"
    checked(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
    services = yaml.safe_load(file.read_text())["services"]
    assert {"web", "worker-sync", "worker-interactive", "scheduler"} <= set(services)


def test_containers_have_no_rights_that_they_do_not_need() -> None:
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = composed["services"]
    assert composed["networks"]["data"] == {"internal": True}
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("read_only") or name == "database", name
        assert ("ports" in service) == (name == "proxy"), name
        alone = name in ("database", "redis")
        assert service.get("networks") == (
            None if name == "proxy" else ["data"] if alone else ["default", "data"]
        ), name
    assert services["redis"]["user"] == "redis", "its shell would keep root"


def test_kubernetes() -> None:
    files = sorted((DEPLOY / "kubernetes").glob("[!k]*.yaml"))
    assert len(files) > 5
    checked(BIN / "kubernetes-validate", "--strict", *files)
    listed = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == [f.name for f in files if "example" not in f.name]


def test_pods_have_no_rights_that_they_do_not_need() -> None:
    documents = [one for file in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
                 for one in yaml.safe_load_all(file.read_text())]  # fmt: skip
    pods = [pod for one in documents for pod in _pods(one)]
    assert len(pods) == 5
    for pod in pods:
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]
    policies = [one["spec"] for one in documents if one["kind"] == "NetworkPolicy"]
    closed = [each for each in policies if "ingress" not in each]
    labels = [pod["metadata"]["labels"].items() for pod in pods]
    assert all(
        each["podSelector"]["matchLabels"].items() <= pod for each in closed for pod in labels
    )
    opened = [each["podSelector"]["matchLabels"]["part"] for each in policies if "ingress" in each]
    assert closed and opened == ["web"]


def _pods(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the pod that a Deployment, a Job or a CronJob makes."""
    spec = document.get("spec", {})
    template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
    if template:
        yield template


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_the_units_of_systemd(tmp_path: Path) -> None:
    for file in (DEPLOY / "systemd").iterdir():
        text = file.read_text()
        assert file.suffix == ".timer" or COMMAND in text
        (tmp_path / file.name).write_text(text.replace(COMMAND, "/bin/true"))
    said = checked("systemd-analyze", "verify", *sorted(tmp_path.iterdir()))
    assert not said.strip(), said
    for unit in tmp_path.glob("*.service"):  # in tenths, of ten
        checked("systemd-analyze", "security", "--offline=yes", "--threshold=20", unit)


BY_HAND = {"ProtectSystem": "full", "ProtectHome": None, "PrivateTmp": None, "ReadWritePaths": None}
"""Where `rs` is less strict than a unit: it writes files where the operator wants them."""


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
    for option, key in (("--uid", "User"), ("--gid", "Group"),
                        ("--working-directory", "WorkingDirectory")):  # fmt: skip
        assert f"\n{key}={said[said.index(option) + 1]}\n" in unit
    properties = [after for word, after in pairwise(said) if word == "--property"]
    restrictions = unit[unit.index("UMask=") : unit.index("\n[Install]")]
    asked = dict(re.findall(r"^(\w+)=(.*)$", restrictions, re.MULTILINE)) | BY_HAND
    file = re.findall(r"^(EnvironmentFile)=(.+)$", unit, re.MULTILINE)
    wanted = dict(file) | {key: value for key, value in asked.items() if value is not None}
    assert dict(each.split("=", 1) for each in properties) == wanted
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


OTHER = {"job": "registry-sync", "instance": "other"}
"""The labels of a second installation that the same Prometheus asks."""
ALERTS: dict[str, list[tuple[str, dict[str, str], str]]] = {
    "Down": [("up", {}, "0x1800")],
    "Behind": [("last_good_run_timestamp_seconds", {"lane": "A"}, "0x1800")],
    "NeverGood": [("no_good_run_yet", {}, "1x1800")],
    "Stuck": [
        ("run_heartbeat_timestamp_seconds", {}, "0x1800"),
        ("run_waiting_until_timestamp_seconds", OTHER | {"reason": "turn"}, "900000x1800"),
        ("run_heartbeat_timestamp_seconds", OTHER, "0x1800"),
    ],
    "OpenErrors": [
        ("open_errors", {"lane": "A", "kind": "source"}, "101x1800"),
        ("open_errors", {"lane": "B", "kind": "source"}, "100x1800"),
    ],
    "MappingOutstanding": [("mapping_outstanding", {"lane": "A"}, "1x1800")],
    "OldError": [("oldest_error_timestamp_seconds", {"lane": "A"}, "-1209600x1800")],
    "RedisDown": [("redis_up", {}, "0x1800")],
    "NoWorker": [
        ("workers", {"queue": "interactive"}, "0x1800"),
        ("queue_jobs", {"queue": "interactive"}, "1x1800"),
        ("workers", OTHER | {"queue": "interactive"}, "0x1800"),
        ("queue_jobs", OTHER | {"queue": "interactive"}, "0x1800"),
    ],
    "QueueGrows": [("queue_jobs", {"queue": "sync"}, "101x1800")],
    "WebhooksRefused": [("webhooks_refused_total", {"reason": "signature"}, "0+1x1800")],
    "AlertsNotDelivered": [
        ("alert_messages_total", {"channel": "mail", "outcome": "given up"}, "0+1x1800"),
        ("alert_messages_total", {"channel": "teams", "outcome": "sent"}, "0+1x1800"),
    ],
}
"""What each rule is asked with, a value a minute: its first series fires, and no other does."""
SUMMED = {"OpenErrors": ["lane", "kind"], "WebhooksRefused": ["reason"],
          "AlertsNotDelivered": ["channel"]}  # fmt: skip


@pytest.mark.skipif(not shutil.which("promtool"), reason="prometheus is not installed")
def test_each_alert_fires_for_what_it_names(tmp_path: Path) -> None:
    file = DEPLOY / "monitoring" / "alerts.yaml"
    rules = yaml.safe_load(file.read_text())["groups"][0]["rules"]
    assert {rule["alert"] for rule in rules} == {f"RegistrySync{name}" for name in ALERTS}
    tests = [_rule_test(rule, rule["alert"].removeprefix("RegistrySync")) for rule in rules]
    # Few evaluations: each takes all the rules. None is of a rate within minutes.
    case = {"rule_files": [str(file)], "evaluation_interval": "15m", "tests": tests}
    (tmp_path / "test.yaml").write_text(json.dumps(case))
    checked("promtool", "test", "rules", tmp_path / "test.yaml")
    for rule in rules:
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(r"^## (.+)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
        assert anchor in {
            re.sub(r"[^a-z -]", "", one.lower()).replace(" ", "-") for one in headings
        }


def _rule_test(rule: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the test of promtool that a rule fires for the first of its series alone."""
    here = {"job": "registry-sync", "instance": "here"}
    series = [
        (metric if metric == "up" else f"registry_sync_{metric}", here | labels, values)
        for metric, labels, values in ALERTS[name]
    ]
    labels = {key: series[0][1][key] for key in SUMMED.get(name, series[0][1])}
    value = series[0][2].partition("x")[0]
    said = {
        key: re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], text).replace(
            "{{ $value }}", value
        )
        for key, text in rule["annotations"].items()
    }
    fired = [{"exp_labels": rule["labels"] | labels, "exp_annotations": said}]
    return {
        "interval": "1m",
        "input_series": [
            {"series": _selector(metric, labels), "values": values}
            for metric, labels, values in series
        ],
        "alert_rule_test": [
            {"eval_time": "0m", "alertname": rule["alert"], "exp_alerts": []},
            {"eval_time": "29h", "alertname": rule["alert"], "exp_alerts": fired},
        ],
    }


def _selector(metric: str, labels: dict[str, str]) -> str:
    return f"{metric}{{{', '.join(f'{key}={json.dumps(value)}' for key, value in labels.items())}}}"


@pytest.fixture(params=["nginx", "nginx below a path", "caddy"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Serve a file of deploy/proxy/ with TLS before an echo of what it passes on."""
    tls, behind = free_port(), free_port()
    name, _, below = request.param.partition(" ")
    proxy = {"nginx": _nginx, "caddy": _caddy}[name](tmp_path, tls, behind)
    if below:
        _move(tmp_path / "nginx.conf")
    (tmp_path / "echo.py").write_text(ECHO)
    web = [BIN / "gunicorn", "-c", ROOT / "integration" / "gunicorn.conf.py", "-w", "1",
           "-b", f"127.0.0.1:{behind}", "--log-level", "error", "echo"]  # fmt: skip
    env = os.environ | {
        "XDG_DATA_HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "SITE": f"https://sync.example.com:{tls}",
        "SCRIPT_NAME": "/sync" if below else "",
    }
    children = [
        subprocess.Popen(words, cwd=tmp_path, env=env, preexec_fn=dies_with_parent)
        for words in (proxy, web)
    ]
    url = f"https://127.0.0.1:{tls}{'/sync' if below else ''}/"
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


def _move(conf: Path) -> None:
    """Serve below /sync/, as the comment of deploy/proxy/nginx.conf says."""
    text = conf.read_text()
    assert "SCRIPT_NAME=/sync and use `location /sync/`" in text and "location / {" in text
    conf.write_text(text.replace("location / {", "location /sync/ {"))


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
    told["at"] = [environ["SCRIPT_NAME"], environ["PATH_INFO"]]
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
    path = urlsplit(site).path
    assert said["at"] == [path.removesuffix("/"), "/"]
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    port = urlsplit(site).port
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port))) as slow:
        head = f"POST {path} HTTP/1.1\r\nHost: sync.example.com\r\nContent-Length: 900\r\n\r\n"
        slow.sendall(head.encode() + b"{")
        seen = [post(b"").json()["begun"] for _ in range(3)]
    assert seen == [said["begun"] + n for n in (1, 2, 3)], "half a request reached the service"
    assert post(b"x" * 3_000_000).status_code == 413
    if path != "/":
        assert _status(site.removesuffix(path) + "/admin/") == 404, "the site's, not the service's"
