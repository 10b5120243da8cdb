"""Which lanes a command is about: the one that `--lane` names, or all."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError

from django.core.management.base import CommandError

from registry_sync import runs
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.problems import SyncError
from registry_sync.management.operator import FAILED, USAGE
from registry_sync.models import Lane
from registry_sync.sync.clients import hasty_client
from registry_sync.sync.lane_refresh import refresh_lanes
from registry_sync.sync.setup import read_items

PATIENCE = 15.0
"""Seconds that Benchling may take to show the configuration, where no lane is known yet."""


def add_lane_argument(parser: ArgumentParser, meaning: str) -> None:
    """Add `--lane`, which names a lane by its schema's name, or by the schema's id."""
    parser.add_argument(
        "--lane", metavar="NAME|ID", help=f"{meaning}, named by its schema's name or id"
    )


def add_limit(parser: ArgumentParser, default: int, noun: str) -> None:
    """Add `--limit`, the number of rows that are shown at most."""
    parser.add_argument(
        "--limit",
        metavar="N",
        type=_count,
        default=default,
        help=f"show N {noun} (default %(default)s)",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text} is not a number above 0")
    return int(text)


def lanes_to_sync(lane_name: str | None, *, one_for: str = "") -> list[Lane]:
    """Return the lanes to sync, in the order of their links; none before any is known.

    The configuration is read where it can name a lane that is not known yet. Raise CommandError 64
    for a lane that is not configured, and where the option `one_for` needs one to be named.
    """
    names = runs.LaneNames()
    if not names.lanes or (lane_name is not None and names.find(lane_name) is None):
        names = _refreshed(must=lane_name is not None)
    if lane_name is not None:
        return [lane_named(lane_name, names)]
    if one_for and names.several:
        text = f"{one_for} needs --lane where the app has several lanes: {_listed(names)}."
        raise CommandError(text, returncode=USAGE)
    return runs.in_link_order(names.lanes)


def lane_named(lane_name: str, names: runs.LaneNames | None = None) -> Lane:
    """Return the lane of a name or id. Raise CommandError 64 where there is none."""
    names = names or runs.LaneNames()
    if (lane := names.find(lane_name.strip())) is not None:
        return lane
    hint = f"The lanes are: {_listed(names)}." if names.lanes else "No lane is known yet."
    raise CommandError(f"There is no lane {lane_name}. {hint}", returncode=USAGE)


def which_lane(lanes: list[Lane], names: runs.LaneNames) -> CommandError:
    """Return the error that asks for `--lane`, where several lanes are meant."""
    listed = ", ".join(names.of(lane) for lane in lanes)
    return CommandError(
        f"Several lanes are meant: {listed}. Name one with --lane.", returncode=USAGE
    )


def _listed(names: runs.LaneNames) -> str:
    return ", ".join(names.choice())


def _refreshed(*, must: bool) -> runs.LaneNames:
    """Refresh the lanes from the configuration. Raise CommandError if they `must` be known."""
    client = hasty_client(PATIENCE)
    try:
        refresh_lanes(client, read_items(client))
    except (Refused, SyncError, Wait) as error:  # a run will say so
        if must:
            text = f"The app's configuration cannot be read: {error}"
            raise CommandError(text, returncode=FAILED) from error
    return runs.LaneNames()
