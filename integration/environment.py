"""Reading the environment: values by type, and every fault, so that all are reported at once.

A faulty variable reads as its default. `refuse_faults` raises for all of them.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import dj_database_url
import django
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from integration.variables import GROUPS

FAULTS: list[str] = []
"""What is wrong with the variables that were read, each a sentence."""


_READ: set[str] = set()


def env(name: str, default: str = "") -> str:
    """Return a variable. An empty one counts as absent."""
    _READ.add(name)
    return os.environ.get(name, "").strip() or default


def env_secret(name: str, default: str = "") -> str:
    """Return a variable, or the content of the file that <NAME>_FILE names."""
    path = env(f"{name}_FILE")
    if not path:
        return env(name, default)
    try:
        # Editors on Windows begin a file with a mark, which is no part of the secret.
        return Path(path).read_text(encoding="utf-8-sig").strip()
    except FileNotFoundError:
        FAULTS.append(
            f"{name}_FILE: the file {path} does not exist. Create it before you set {name}_FILE."
        )
    except OSError as error:
        FAULTS.append(f"{name}_FILE={path} cannot be read: {error.strerror}.")
    except UnicodeDecodeError:
        FAULTS.append(f"{name}_FILE={path} cannot be read: it is not text.")
    return default


def set_variables() -> set[str]:
    """Return the names of the variables that are set, with those that gunicorn and others read.

    Those of the terminal are whoever's who types a command.
    """
    groups = [group for name, group in GROUPS.items() if name != "terminal"]
    known = {name for group in groups for each in group for name in each.names}
    return {name for name in _READ | known if os.environ.get(name, "").strip()}


def env_bool(name: str, *, default: bool) -> bool:
    """Return a yes or no."""
    text = env(name).lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    if text:
        FAULTS.append(f"{name}={text} must be 1 or 0.")
    return default


def env_int(name: str, default: int, *, least: int, most: int) -> int:
    """Return a whole number within limits."""
    text = env(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        FAULTS.append(f"{name}={text} must be a whole number from {least} to {most}.")
        return default
    return int(text)


def env_choice(name: str, choices: tuple[str, ...]) -> str:
    """Return one of some words; the first is the default."""
    text = env(name, choices[0]).lower()
    if text not in choices:
        FAULTS.append(f"{name}={text} must be {' or '.join(choices)}.")
        return choices[0]
    return text


def env_level(name: str) -> str:
    """Return a log level."""
    level = env(name, "INFO").upper()
    if level not in logging.getLevelNamesMapping():
        FAULTS.append(f"{name}={level} must be a log level: DEBUG, INFO or WARNING.")
        return "INFO"
    return level


def env_database(name: str, default: str) -> dj_database_url.DBConfig:
    """Return the database's settings. Faults do not show the URL, which contains a password."""
    try:
        found = dj_database_url.parse(env_secret(name, default), conn_max_age=0)
    except ValueError:
        found = {}
    if not _is_usable(found):
        FAULTS.append(
            f"{name} must be the URL of a database: postgres://user:password@host/name or "
            "sqlite:////path. Write characters such as @ in a password as %40."
        )
        return dj_database_url.parse("sqlite://:memory:")
    return found


def _is_usable(found: dj_database_url.DBConfig) -> bool:
    """Return whether a database is of a kind that this service knows, and named."""
    kind = found.get("ENGINE", "").rpartition(".")[2]
    if kind == "sqlite3":
        return not found.get("HOST")  # sqlite://folder/file would be `file` in another folder
    return kind == "postgresql" and bool(found["NAME"] or found.get("OPTIONS", {}).get("service"))


def env_path_prefix(name: str) -> str:
    """Return a path in front of addresses, such as /sync, without its last slash."""
    path = env(name).rstrip("/")
    if path and (not path.startswith("/") or any(sign in path for sign in "?#: ")):
        FAULTS.append(f"{name}={path} must be a path that begins with a slash, such as /sync.")
        return ""
    return path


def env_template(name: str, default: str, places: tuple[str, ...]) -> str:
    """Return a text in which these places, in braces, are filled in later."""
    text = env(name, default)
    try:
        text.format(**dict.fromkeys(places, ""))
    except (KeyError, IndexError, ValueError, AttributeError):
        known = " and ".join(f"{{{place}}}" for place in places)
        FAULTS.append(f"{name}={text} can only have {known} in braces.")
        return default
    return text


def env_list(name: str) -> list[str]:
    """Return a list, separated by commas."""
    return [part.strip() for part in env(name).split(",") if part.strip()]


def refuse_faults() -> None:
    """Raise ImproperlyConfigured with every fault, each once."""
    faults = list(dict.fromkeys(FAULTS))
    FAULTS.clear()
    if faults and not _listing:
        raise ImproperlyConfigured("\n".join(faults))


_listing: list[bool] = []
"""Filled while `other_faults` loads the settings, whose faults are known by then."""


def other_faults() -> list[str]:
    """Return what the system checks find, for settings that were just refused.

    These are errors, and warnings about variables that are set. Variables that cannot be used have
    their defaults here.
    """
    _listing.append(True)
    django.setup()
    given = set_variables()
    found = [
        message
        for message in run_checks(tags=["registry_sync"])
        if message.is_serious() or message.msg.partition(" ")[0] in given
    ]
    return [f"{message.msg} {message.hint or ''}".strip() for message in found]
