"""`make demo`: sync three real collections from a real registry into a Benchling tenant.

Starts a registry (Datasette over ChEMBL's approved drugs and the Yeast ToolKit's plasmids), a
Benchling tenant, Redis, the web service and workers; syncs, edits records at the source, syncs
again, merges two structures in Benchling, and shows what happened. The desk is open from the first
sync on. `--once` checks that all of it is as said and exits.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from sandbox.demo.signals import ended_by_signals
from sandbox.demo.stay import open_desk, stay
from sandbox.demo.story import story
from sandbox.demo.world import World, build, console
from sandbox.redis import RedisServer


def main() -> int:
    """Run the demo; return 0 if everything was as expected."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="registry-sync-demo-"))
    redis = RedisServer().start()
    world: World | None = None
    try:
        with ended_by_signals():
            world = build(folder, redis.url, name_template=options.name_template)
            desk = "" if options.once else open_desk(world)
            faults = story(world, name_template=options.name_template)
            for fault in faults:
                console.print(f"[red]Not as expected:[/red] {fault}")
            if desk:
                stay(world, desk)
    except KeyboardInterrupt:
        faults = ["interrupted"] if options.once else []
    finally:
        if world is not None:
            for child in world.children:
                child.terminate()
            world.registry.stop()
            world.tenant.stop()
        redis.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m sandbox.demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="check everything, then exit")
    parser.add_argument(
        "--name-template",
        metavar="TEMPLATE",
        nargs="?",
        const="{name} [{id}]",
        default="name",
        help="make names unique, e.g. '{name} [{id}]' (the option's default)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
