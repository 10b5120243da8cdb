"""Cures that are decisions of their own pages: adoptions, drift, overrides."""

from __future__ import annotations

from registry_sync.desk.cures.base import Case, Cure, page
from registry_sync.models import Adoption, Allowance
from registry_sync.sync.gates import allowances

OF_RUN = {code: what for what, code in allowances.STOPS.items()}
"""The override of each failure that a guard causes."""


class Adopt(Cure):
    """Take over the entities that were in Benchling before."""

    name, label = "adopt", "Adopt these"
    permissions = ("registry_sync.change_adoption",)
    codes = ("not_ours",)

    def applies(self, case: Case) -> bool:
        """Return whether an entity waits for the decision."""
        waiting = Adoption.objects.filter(lane=case.lane, state=Adoption.State.OPEN)
        return waiting.filter(how__in=Adoption.ADOPTABLE).exists()

    def address(self, case: Case) -> str:
        """Return the list of what waits."""
        return page("adoption_changelist", query=f"lane={case.lane.pk}&state__exact=open")


class AllowRun(Cure):
    """Override the guard that stopped a run, once."""

    name, label = "allow", "Allow once"
    permissions = ("registry_sync.add_allowance",)
    codes = tuple(OF_RUN)

    def applies(self, case: Case) -> bool:
        """Return whether the stop stands and was not overridden."""
        return not allowances.nothing_to_allow(case.lane, OF_RUN[case.code], "")

    def address(self, case: Case) -> str:
        """Return the form of an override, filled in."""
        what = OF_RUN[case.code]
        return page("allowance_add", query=f"lane={case.lane.pk}&what={what}")


class AllowSubstance(Cure):
    """Override what keeps another substance from a known id, once."""

    name, label = "allow-substance", "Allow once"
    permissions = ("registry_sync.add_allowance",)
    codes = ("another_substance",)

    def address(self, case: Case) -> str:
        """Return the form of an override, filled in."""
        query = f"lane={case.lane.pk}&what={Allowance.What.IDENTITY}"
        return page("allowance_add", query=query)


class DecideDrift(Cure):
    """Restore the registry's values, or accept Benchling's."""

    name, label = "drift", "Restore or accept"
    permissions = ("registry_sync.change_lane",)
    codes = ("drift",)

    def address(self, case: Case) -> str:
        """Return the list of what differs."""
        return page("drift_changelist", query=f"lane={case.lane.pk}&closed_at__isempty=1")
