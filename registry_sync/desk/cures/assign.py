"""Assign errors to a user of the desk, who then takes care of them."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser

from registry_sync.core.text import number_of
from registry_sync.desk import error_decisions as decisions
from registry_sync.desk.cures.base import CureCase
from registry_sync.desk.cures.every_cause import RECORDS
from registry_sync.desk.cures.press import CannotCure, CureOrder, Done, Press, Prospect

NO_ONE = ""
MOST = 1000
SEES = "registry_sync.view_entityerror"


class Assign(Press):
    """Name who takes care of open errors."""

    name, label = "assign", "Assign"
    codes = RECORDS

    def prospect(self, case: CureCase) -> Prospect:
        """Return the users who can see errors."""
        count = case.errors().count()
        people = {NO_ONE: "No one"} | {str(user.pk): name_of(user) for user in assignable()}
        text = (
            "The errors show who takes care of them, and the list can be filtered by user. Who "
            "must act does not change."
        )
        facts = [number_of(count, "open error")]
        return Prospect(text, facts=facts, people=people, presses={"assign": self.label})

    def do(self, case: CureCase, order: CureOrder) -> Done:
        """Assign the errors, or take the assignment back."""
        users = {str(user.pk): user for user in assignable()}
        if order.person != NO_ONE and order.person not in users:
            raise CannotCure("This user cannot see errors. Choose someone else.")
        user = users.get(order.person)
        rows = list(case.errors().defer("raw")[:MOST])
        count = decisions.assign_to(case.errors(), user)
        whom = name_of(user) if user else "no one"
        summary = f"{number_of(count, 'error')} assigned to {whom}."
        return Done(summary, sentences=[summary], noted=rows)


def assignable() -> list[AbstractUser]:
    """Return the users of the desk who can see errors, by name."""
    users = get_user_model().objects.filter(is_active=True, is_staff=True).order_by("username")
    return [user for user in users[:500] if user.has_perm(SEES)]


def name_of(user: AbstractUser) -> str:
    """Return a user's name, with the name they log in with."""
    full = user.get_full_name()
    return f"{full} ({user.get_username()})" if full else user.get_username()
