"""The docs as a site: built strictly, each page reached, each test that a page names real."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tools import json_server

pytestmark = [pytest.mark.once, pytest.mark.process]
MKDOCS = Path(sys.executable).parent / "mkdocs"


def test_the_site_is_built_without_a_broken_link(tmp_path: Path) -> None:
    json_server.install()
    command = [str(MKDOCS), "build", "--strict", "--site-dir", str(tmp_path)]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "not included in the" not in said and "unrecognized" not in said, said
    first = (tmp_path / "index.html").read_text()
    assert "make demo" in first and 'href="deployment.html' in first
    index = json.loads((tmp_path / "search" / "search_index.json").read_text())
    boosted = {each["location"].partition("#")[0] for each in index["docs"] if "boost" in each}
    assert "decisions.html" in boosted and "faq.html" not in boosted
    diagrams = (tmp_path / "architecture.html").read_text()
    assert '<div class="diagram"><pre class="mermaid">' in diagrams
    assert 'src="assets/mermaid.js"' in diagrams
    assert "mermaid" in (tmp_path / "assets" / "mermaid.js").read_text()[:5000]
    commands = (tmp_path / "commands.html").read_text()
    assert "--lane NAME|ID</code>" in commands and "\\|" not in commands
    assert '<span class="whole">--reason</span>' in (tmp_path / "operations.html").read_text()
    assert "≥\N{NO-BREAK SPACE}1.35" in (tmp_path / "benchmarks.html").read_text()
    assert 'href="pages.html">docs/' in first
    assert '<a class="picture" href="images/desk-today-light-1280.png"' in first
    for page in tmp_path.glob("*.html"):
        asked = re.findall(
            r'<(?:script|link|img|iframe)\b[^>]*(?:src|href)="([^"]+)"', page.read_text()
        )
        assert [url for url in asked if "//" in url] == [], page.name
        assert re.findall(r">([\w/-]+\.md)</a>", page.read_text()) == [], page.name


def test_the_tests_that_the_threat_model_names_exist() -> None:
    rows = re.findall(
        r"^\| .*`tests/.*$", (ROOT / "docs" / "security.md").read_text(), re.MULTILINE
    )
    assert len(rows) > 10
    for row in rows:
        folder = ""
        for name in re.findall(r"`([\w/]+\.py)`", row.split("|")[4]):
            folder = name.rpartition("/")[0] or folder
            assert (ROOT / folder / Path(name).name).exists(), name
