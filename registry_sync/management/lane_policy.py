"""`manage.py lanes set`: what is done about entities whose records left the registry."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from registry_sync.desk import withdrawal_policy
from registry_sync.ledger import admin_log
from registry_sync.management.lane_options import lanes_to_sync
from registry_sync.management.operator import PROPOSED, USAGE
from registry_sync.models import Lane
from registry_sync.sync.plans.proposals import Person, SecondPerson

Policy, Reason = Lane.WithdrawnPolicy, Lane.ArchiveReason


def add_policy_arguments(parser: ArgumentParser) -> None:
    """Add `set LANE --withdrawn tell|archive --reason … [--held]`."""
    parser.add_argument("action", nargs="?", choices=["set"], help="change a lane's policy")
    parser.add_argument("name", nargs="?", metavar="LANE", help="the schema's name or id")
    parser.add_argument(
        "--withdrawn", choices=Policy.values, help="report only, or archive in Benchling"
    )
    parser.add_argument(
        "--reason", choices=Reason.values, metavar="REASON",
        help=f"the archive reason in Benchling: {', '.join(Reason.values)}",
    )  # fmt: skip
    parser.add_argument(
        "--held", action="store_true", help="also archive entities that containers hold"
    )


def refuse_policy_options(options: dict[str, Any]) -> None:
    """Raise CommandError 64 for options that only `set` takes."""
    if any(options[name] for name in ("withdrawn", "reason", "held")):
        raise CommandError("Options need `set LANE`.", returncode=USAGE)


def set_lane_policy(options: dict[str, Any]) -> str:
    """Set the policy of the lane that the options name, and return what it is now."""
    name, policy = options["name"], options["withdrawn"]
    if not name or not policy:
        raise CommandError("set needs a lane and --withdrawn.", returncode=USAGE)
    archives = policy == Policy.ARCHIVE
    if (options["reason"] or options["held"]) and not archives:
        text = "--reason and --held need --withdrawn archive."
        raise CommandError(text, returncode=USAGE)
    lane = lanes_to_sync(name)[0]
    reason = options["reason"] or lane.withdrawn_reason
    wish, who = withdrawal_policy.Wish(policy, reason, options["held"]), getpass.getuser()
    try:
        withdrawal_policy.set_policy(lane, wish, by=Person(who), reason="manage.py lanes set")
    except SecondPerson as proposed:
        raise CommandError(f"{proposed} {proposed.remedy}", returncode=PROPOSED) from proposed
    lane.refresh_from_db()
    text = f"{who}, manage.py lanes set: withdrawn records are {policy_of(lane)}."
    admin_log.note(lane, text, actor=who)
    return f"{lane.schema_name or lane.schema_id}: {policy_of(lane)}."


def policy_of(lane: Lane) -> str:
    """Return what is done about a lane's withdrawals, in words."""
    return str(withdrawal_policy.policy_for(lane))
