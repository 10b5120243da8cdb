"""`python -m benchmarks.profile`: where the time of a run goes, as a page to look at.

The tenant and the registry answer without latency, so that what is seen is the service's own work.
https://pyinstrument.readthedocs.io/
"""

from __future__ import annotations

import argparse

from .world import ROOT, World

FOLDER = ROOT / "profile"


def main() -> None:
    """Profile a first load, and a full run after it that finds nothing changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="how many records")
    given = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    fast = {"latency": 0.0, "task_base": 0.0, "task_per_entity": 0.0}
    with World(given.count, tenant=fast) as world:
        for name, words in (("first-load", []), ("all-read", ["--full"])):
            page = FOLDER / f"{name}.html"
            used = world.profile(page, "sync_registry", *words)
            if used.status:
                raise SystemExit(f"The run ended with {used.status}.")
            print(f"{page.relative_to(ROOT)}: {used.seconds:.1f} s, {used.cpu:.2f} s of CPU")


if __name__ == "__main__":
    main()
