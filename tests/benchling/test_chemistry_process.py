"""The child process that reads structures."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support import ROOT

pytestmark = pytest.mark.once


@pytest.mark.process
def test_no_process_outlives_a_command():
    """systemd kills what is left of a unit whose command has ended, and logs that."""
    asks = (
        "from registry_sync.benchling.chemistry.process import CHILD\n"
        "CHILD.ask('CCO')\n"
        "print(CHILD._process.pid)"
    )
    said = subprocess.run([sys.executable, "-c", asks], cwd=ROOT, capture_output=True, timeout=240)
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.stdout), 0)
