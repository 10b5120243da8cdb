"""People at the desk: an integration owner, a viewer, and nobody."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.test import Client

groups = import_module("registry_sync.migrations.0004_groups")


def person(name: str, group: str) -> Client:
    """Log in a person of one of the desk's groups."""
    groups.make_groups(apps, None)  # tests with transactions of their own empty every table
    user = User.objects.create_user(name, password="secret", is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(transactional_db: None) -> Client:
    return person("Olivia", groups.OWNERS)


@pytest.fixture
def viewer(transactional_db: None) -> Client:
    return person("Victor", groups.VIEWERS)
