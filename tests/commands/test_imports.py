"""What a command imports: cron starts one every few minutes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNUSED = (
    "redis", "rq", "django_rq", "rich", "pygments", "click", "regex", "jsonpath_ng", "isodate",
    "axes.middleware", "registry_sync.admin", "registry_sync.drafts.suggest",
    "registry_sync.monitoring.doctor", "pint", "yaml", "pyexpat", "asyncpg",
    "prometheus_client", "smtplib", "registry_sync.explain", "registry_sync.webhooks.handlers",
)  # fmt: skip
"""What commands without a Redis, a terminal and JSONPath do not use."""
COMMANDS = ("sync_registry", "status", "errors", "runs")
PROCESS = """
import atexit, gc, sys
from integration.command_line import main
atexit.register(lambda: print("garbage:", gc.isenabled(), gc.get_freeze_count() > 100_000))
for name in sys.argv[1:]:
    sys.argv = ["manage.py", name, "--help"]
    try:
        main()
    except SystemExit as end:
        assert not end.code, name
    print("end of", name, file=sys.stderr, flush=True)
"""
"""One process for all of them: what a later one imports is beside what an earlier one does."""


@pytest.mark.once
@pytest.mark.process
def test_a_command_of_crons_imports_what_it_uses() -> None:
    command = [sys.executable, "-X", "importtime", "-c", PROCESS, *COMMANDS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-500:]
    *parts, _ = re.split(r"^end of .*$", done.stderr, flags=re.MULTILINE)
    imported: dict[str, set[str]] = {}
    for name, part in zip(COMMANDS, parts, strict=True):
        found = re.findall(r"import time: +(\d+) \| +(\d+) \| +(\S+)", part)
        imported[name] = {module for _, _, module in found}
        used = sorted(n for n in imported[name] for u in UNUSED if n == u or n.startswith(f"{u}."))
        dearest = sorted(((int(own), module) for own, _, module in found), reverse=True)[:10]
        assert not used, f"{name} imports {used}; its ten dearest, in microseconds: {dearest}"
    assert {"registry_sync.sync.pipeline", "registry_sync.source.client"} <= imported[COMMANDS[0]]
    assert re.findall(r"^usage: manage.py (\w+)", done.stdout, re.MULTILINE) == [*COMMANDS]
    # Looked for while the command works, but not while it starts, and not in what was imported.
    assert "garbage: True True" in done.stdout
