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
"""What a run of cron's without a Redis, a terminal and JSONPath does not use."""
COMMAND = """
import atexit, gc, sys
from integration.command_line import main
atexit.register(lambda: print("garbage:", gc.isenabled(), gc.get_freeze_count() > 100_000))
sys.argv = ["manage.py", "sync_registry", "--help"]
main()
"""


@pytest.mark.once
@pytest.mark.process
def test_a_run_of_crons_imports_what_it_uses() -> None:
    command = [sys.executable, "-X", "importtime", "-c", COMMAND]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-500:]
    found = re.findall(r"import time: +(\d+) \| +(\d+) \| +(\S+)", done.stderr)
    dearest = sorted(((int(own), name) for own, _, name in found), reverse=True)[:10]
    print("The ten dearest, in microseconds:", dearest)
    names = {name for _, _, name in found}
    assert {"registry_sync.sync.pipeline", "registry_sync.source.client"} <= names
    used = sorted(n for n in names for u in UNUSED if n == u or n.startswith(f"{u}."))
    assert not used, used
    # Looked for while the command works, but not while it starts, and not in what was imported.
    assert "garbage: True True" in done.stdout
