"""Run the tests: `make test`, one room (`--room sync`), or all sizes in full (`--long`).

The pass on SQLite has four workers; the one on a PostgreSQL of its own, a tenth of the work, has
one beside them and computes while those wait for processes. With four of its own as well, processes
that share two cores with eight workers miss their deadlines.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from importlib.util import source_hash
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
PYTEST = [sys.executable, "-m", "pytest"]
WORKERS = ["-n", "4"]
"""Enough for two cores; each takes five seconds of CPU to start, and is one more to wait for."""
BESIDE = ["-n", "0", "-o", "cache_dir=.pytest_cache/postgresql"]
"""In the process itself; what failed is kept apart from what failed in the other pass."""
SPREAD = ["--dist", "load", "--maxschedchunk", "1"]
FEW = 60
"""So many modules each worker compiles itself."""
NONE_COLLECTED = 5
"""pytest's exit status where a pass has no test: a room may have none for PostgreSQL."""
FULL = "REGISTRY_SYNC_TESTS_FULL"


def rooms() -> list[str]:
    """Return the names of the folders that hold tests."""
    return sorted(p.name for p in TESTS.iterdir() if any(p.glob("test_*.py")))


def commands(room: str, more: Sequence[str]) -> dict[str, list[str]]:
    """Return the command of each pass, by its database."""
    where = [f"tests/{room}"] if room else []
    first = [*PYTEST, *WORKERS, *SPREAD, *where, *more]
    second = [*PYTEST, *BESIDE, "-m", "not once", *where, *more]
    return {"SQLite": first, "PostgreSQL": [sys.executable, "-m", "sandbox.postgres", *second]}


def uncompiled() -> list[Path]:
    """Return the modules of tests that pytest has not compiled as they are.

    It keeps a module's hash in the file, as https://peps.python.org/pep-0552/ has it.
    """
    kind = f"{sys.implementation.cache_tag}-pytest-{version('pytest')}.pyc"

    def is_compiled(path: Path) -> bool:
        compiled = path.parent / "__pycache__" / f"{path.stem}.{kind}"
        return compiled.exists() and compiled.read_bytes()[8:16] == source_hash(path.read_bytes())

    return [path for path in sorted(TESTS.rglob("test_*.py")) if not is_compiled(path)]


def prepare(env: Mapping[str, str]) -> None:
    """Do once what each worker would do or wait for, and what an earlier pass may have done."""
    words = [sys.executable, "-c", "from tests.support.database import migrated; migrated()"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(words, cwd=ROOT, env={**env, "SHARED_BY_TESTS": folder}),
    ):
        compile_tests(env)


def compile_tests(env: Mapping[str, str]) -> None:
    """Compile the modules once, on two cores, where each worker would compile them all.

    If most are compiled, to start two processes takes longer.
    """
    files = uncompiled()
    if len(files) < FEW:
        return
    collect = [*PYTEST, "--collect-only", "-p", "no:cacheprovider"]
    halves = [
        subprocess.Popen([*collect, *half], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
        for half in (files[::2], files[1::2])
    ]
    for half in halves:
        half.wait()  # what cannot be collected, the first pass tells


def run(passes: Mapping[str, Sequence[str]], env: Mapping[str, str]) -> dict[str, int]:
    """Run all at once; show the first as it goes, and each other one when it has ended."""
    (first, command), *others = passes.items()
    with ExitStack() as stack:
        beside = []
        for database, words in others:
            said = stack.enter_context(
                tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
            )
            started = subprocess.Popen(
                words,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
            beside.append((database, started, said))
        print(f"On {first}:", flush=True)
        ends = {first: subprocess.run(command, cwd=ROOT, env=env).returncode}
        for database, process, said in beside:
            ends[database] = process.wait()
            said.seek(0)
            print(f"On {database}:\n{said.read()}", flush=True)
    return ends


def main() -> int:
    """Run both passes; 0 where both passed, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--room", default="", help="one folder of tests/")
    parser.add_argument("--long", action="store_true", help="full sizes of what is sampled")
    parser.add_argument("--prepare", action="store_true", help="run none; make ready for a pass")
    given, more = parser.parse_known_args()
    if given.room and given.room not in rooms():
        parser.error(f"there is no room {given.room}; there are: {', '.join(rooms())}")
    env = os.environ | ({FULL: "1"} if given.long else {})
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes would compile all of the code
    if given.prepare:
        prepare(env)
        return 0
    passes = commands(given.room, more)
    began = time.monotonic()
    if not given.room:
        compile_tests(env)
    ends = run(passes, env)
    allowed = (0, NONE_COLLECTED) if given.room else (0,)
    failed = [name for name, status in ends.items() if status not in allowed]
    took = time.monotonic() - began
    print(f"Both passes in {took:.0f} s; failed: {', '.join(failed) or 'none'}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
