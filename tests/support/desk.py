"""People at the desk: an integration owner, a viewer, and nobody."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from registry_sync.models import EntityError, SyncRun
from tests.support.factories import SyncRunFactory

groups = import_module("registry_sync.migrations.0004_groups")
LATER = [
    import_module(f"registry_sync.migrations.{name}") for name in ("0044_cures", "0050_plan_rights")
]
"""Migrations that give the owners more."""
OWNERS_MAY = {*groups.OWNERS_MAY, *(right for each in LATER for right in each.OWNERS_MAY)}


def person(name: str, group: str) -> Client:
    """Log in a person of one of the desk's groups."""
    rights = _rights()
    their, is_new = Group.objects.get_or_create(name=group)
    if is_new:  # tests with transactions of their own empty every table but that of permissions
        their.permissions.set(rights[group])
    user = User.objects.create_user(name, password="secret", is_staff=True)
    user.groups.add(their)
    client = Client()
    client.force_login(user)
    return client


@cache
def _rights() -> dict[str, list[int]]:
    """Make the groups as migrations do; return the ids of each one's permissions."""
    groups.make_groups(apps, None)
    for each in LATER:
        each.let_owners(apps, None)
    made = Group.objects.filter(name__in=[groups.OWNERS, groups.VIEWERS])
    return {one.name: list(one.permissions.values_list("pk", flat=True)) for one in made}


@pytest.fixture
def owner(transactional_db: None) -> Client:
    return person("Olivia", groups.OWNERS)


@pytest.fixture
def viewer(transactional_db: None) -> Client:
    return person("Victor", groups.VIEWERS)


def text(response: Any) -> str:
    assert response.status_code == 200, response
    return response.content.decode()


def unbounded(asked: Any) -> list[str]:
    """Give the captured queries that load rows of errors without a limit."""
    rows = [each["sql"] for each in asked.captured_queries if f'FROM "{ERRORS}"' in each["sql"]]
    few = re.compile(r" LIMIT |GROUP BY|COUNT\(|EXISTS")
    return [sql for sql in rows if not few.search(sql)]


ERRORS = EntityError._meta.db_table
INDEX = reverse("admin:index")


def read(client: Client, url: str = INDEX) -> str:
    """Give a page's text, without tags."""
    answer = client.get(url)
    assert answer.status_code == 200
    html = re.sub(r"</?time[^>]*>", "", answer.content.decode())
    text = re.sub(r"<[^>]+>", " ", html)
    return " ".join(text.replace("&#x27;", "'").split())


def old_runs(count: int, *, every: timedelta, last: timedelta, **values) -> None:
    """Make runs that ended, as a schedule would have left them."""
    now = timezone.now()
    made = SyncRun.objects.bulk_create(SyncRunFactory.build_batch(count, **values))
    for number, run in enumerate(reversed(made)):
        at = now - last - every * number
        SyncRun.objects.filter(pk=run.pk).update(created_at=at, started_at=at, finished_at=at)
