"""Print the path of a newer Python than this one that is installed here; nothing if none is.

`make test-newer` runs tests on it. Newer ones are found on PATH and
among pyenv's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SUPPORTED = ((3, 13), (3, 12))
"""Versions beside the oldest one, the newest first."""


def candidates(major: int, minor: int) -> list[str]:
    """Return where this version may be."""
    name = f"python{major}.{minor}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = sorted(pyenv.glob(f"versions/{major}.{minor}.*/bin/{name}"), reverse=True)
    return [path for path in (shutil.which(name), *map(str, found)) if path]


def works(path: str, version: tuple[int, int]) -> bool:
    """Return whether it starts (pyenv's shims may not) and is that version."""
    code = "import sys, venv; print(sys.version_info[:2])"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() == str(version)


def main() -> None:
    """Print the newest one that works."""
    for version in SUPPORTED:
        if version <= sys.version_info[:2]:
            return
        for path in candidates(*version):
            if works(path, version):
                print(path)
                return


if __name__ == "__main__":
    main()
