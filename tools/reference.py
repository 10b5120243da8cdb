"""The docs' reference, rendered from the code: `python -m tools.reference` rewrites it.

docs/settings.md (variables), commands.md (argparse), causes.md and troubleshooting.md (the
catalogue), metrics.md (the collector), and connectors.md with its schemas. Each table stands
between two markers, such as `<!-- variables: web -->` and `<!-- end of variables -->`. A test
compares the pages with what this renders.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import django
from django.core.management import load_command_class
from django.core.management.base import BaseCommand

from integration.variables import GROUPS, Variable

DOCS = Path(__file__).resolve().parent.parent / "docs"
COMMANDS = DOCS.parent / "registry_sync" / "management" / "commands"
OTHERS = {"rqworker"}
"""Commands whose options are another package's."""
MARKED = re.compile(
    r"(?P<start><!-- (?P<kind>variables|commands|metrics): (?P<name>\w+) -->\n)"
    r".*?(?P<end><!-- end of (?P=kind) -->)",
    re.DOTALL,
)


def rendered(text: str) -> str:
    """Return a page with each of its marked tables as the code has it."""
    from registry_sync.mapping import reference as connectors
    from registry_sync.reporting import reference as causes

    text = MARKED.sub(
        lambda found: found["start"] + KINDS[found["kind"]](found["name"]) + found["end"], text
    )
    return causes.rendered_catalogue(connectors.rendered_vocabulary(text))


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    every = [[*heads], ["---"] * len([*heads]), *map(list, rows)]
    cells = ([cell.replace("|", "\\|") for cell in row] for row in every)
    return "".join(f"| {' | '.join(row)} |\n".replace("|  |", "| |") for row in cells)


def variables(group: str) -> str:
    """Return the variables of a group."""
    return table(("variable", "what", "default"), map(_variable, GROUPS[group]))


def _variable(each: Variable) -> list[str]:
    names = ", ".join(f"`{name}`" + "*" * each.secret for name in each.names)
    return [names, each.meaning, each.default]


def commands(name: str) -> str:
    """Return every command with its arguments; `name` is `all`."""
    names = sorted(path.stem for path in COMMANDS.glob("[!_]*.py"))
    return "\n".join(_command(each) for each in names)


def _command(name: str) -> str:
    command = load_command_class("registry_sync", name)
    parser = _parser(command)
    common = {tuple(action.option_strings) for action in _parser(BaseCommand())._actions}
    own = [each for each in parser._actions if tuple(each.option_strings) not in common]
    if name in OTHERS:
        own = [each for each in own if not each.option_strings]
    words = " ".join(_usage(action) for action in own if not action.option_strings)
    options = " [options]" * any(action.option_strings for action in own)
    text = f"### {name}\n\n`manage.py {name}{f' {words}' * bool(words)}{options}`\n\n"
    about = " ".join(command.help.split())
    rows = ([f"`{_spelling(each)}`", _about(each)] for each in own)
    return text + f"{about}\n" + ("\n" + table(("argument", "what"), rows)) * bool(own)


def _parser(command: BaseCommand) -> argparse.ArgumentParser:
    return command.create_parser("manage.py", "command")


def _usage(action: argparse.Action) -> str:
    word = _value(action)
    return f"[{word}]" if action.nargs in ("?", "*") else word


def _spelling(action: argparse.Action) -> str:
    value = _usage(action) if action.nargs != 0 else ""
    return " ".join(filter(None, [", ".join(action.option_strings), value]))


def _value(action: argparse.Action) -> str:
    if action.metavar:
        return str(action.metavar)
    if action.choices:
        return "|".join(map(str, action.choices))
    return action.dest.upper() if action.option_strings else action.dest


def _about(action: argparse.Action) -> str:
    text = " ".join((action.help or "").split()) % (vars(action) | {"prog": "manage.py"})
    return text + " (required)" * bool(action.option_strings and action.required)


def metrics(name: str) -> str:
    """Return every metric; `name` is `all`."""
    from registry_sync.monitoring.metrics.families import FAMILIES

    rows = []
    for each in FAMILIES:
        labels = ", ".join(f"`{label}`" for label in ("lane",) * each.by_lane + each.labels)
        rows.append([f"`{each.name}`", each.kind, labels, each.text])
    return table(("metric", "type", "labels", "what it tells"), rows)


KINDS: dict[str, Callable[[str], str]] = {
    "variables": variables,
    "commands": commands,
    "metrics": metrics,
}


def write(docs: Path = DOCS) -> None:
    """Rewrite the pages of a folder of docs, and the schemas beside them."""
    from registry_sync.mapping import reference as connectors

    for page in docs.glob("*.md"):
        before = page.read_text("utf-8")
        after = rendered(before)
        if after != before:
            page.write_text(after, "utf-8")
    connectors.write_vocabulary(docs)


if __name__ == "__main__":
    os.environ["DEBUG"] = "1"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "integration.settings")
    django.setup()
    write()
