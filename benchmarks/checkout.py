"""Another commit of this project in a folder of its own, to be measured beside this one."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .world import ROOT


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """Give a folder with the files of a commit, as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="registry-sync-old-") as folder:
        path = Path(folder) / "old"
        _git("worktree", "add", "--quiet", "--detach", str(path), commit)
        try:
            yield path
        finally:
            _git("worktree", "remove", "--force", str(path))


def describe(folder: Path = ROOT) -> str:
    """Return the commit of a checkout, in short."""
    return _git("describe", "--always", "--dirty", folder=folder)


def _git(*words: str, folder: Path = ROOT) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()
