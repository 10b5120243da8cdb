"""The docs' code blocks: what is in each is read by what will read it, or named here with why not.

A command of a program that no table here knows fails, so none enters the docs unchecked.
`tests/test_docs_commands.py` has those of the service in the text.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
import yaml
from django.core.management import CommandError, get_commands

from integration.variables import GROUPS
from registry_sync.mapping.rules.schema import rules_schema
from registry_sync.source.connector_settings import parse_connector
from tests.support import ROOT
from tests.support.commands import parser_of

pytestmark = pytest.mark.once
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "deploy").rglob("*.md")]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
COMPOSE = (ROOT / "deploy" / "compose.yaml").read_text("utf-8")
RULES = jsonschema_rs.Draft202012Validator(rules_schema())
ELSEWHERE = {
    ("audit.md", "python"): "tests/ledger/test_audit.py",
    ("operations.md", "python"): "tests/monitoring/test_alerts.py",
    ("reconcile.md", "python"): "tests/commands/test_reconcile.py",
    ("history.md", "sql"): "tests/reporting/test_history_docs.py",
}
"""The blocks that another test runs as they stand."""
BY_HAND = {
    "apt-get": "installs Debian's packages, as root",
    "buildah": "a record of how the image was built once",
    "git": "the repository's address is the reader's",
    "pipx": "installs a program of the developer's own",
    "pre-commit": "writes into .git; the tests of its hooks' tools are `make lint`",
}
"""Programs whose commands are run by hand when they change, and why no test does."""
UNITS = {path.name.partition(".")[0].rstrip("@") for path in (ROOT / "deploy/systemd").iterdir()}
DEBIAN = {"nginx", "redis-server"}
"""Units of Debian's own that the docs name."""
VERBS = {"daemon-reload", "enable", "--now", "--failed", "kill", "-s", "KILL", "list-timers",
         "edit", "reboot", "reload", "restart", "start", "stop", "-u"}  # fmt: skip


@dataclass(frozen=True)
class Block:
    page: str
    language: str
    text: str


def blocks() -> Iterator[Block]:
    for page in PAGES:
        for _, language, text in FENCE.findall(page.read_text("utf-8")):
            if language != "mermaid" and not re.search("[─►]", text):
                yield Block(page.name, language, text)


def simple_commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of a shell's text, without what only surrounds it."""
    text = re.sub(r"<this repository>|…", "PLACE", text.replace("\\\n", " "))
    for line in text.splitlines():
        line = re.sub(r"^(\*/\d+|\*)( [\d*/]+){4} ", "", line.strip())  # cron's five fields
        reader = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
        reader.whitespace_split = True
        words: list[str] = []
        for word in [*reader, ";"]:
            if re.fullmatch(r"[;&|]+", word):
                if command := unwrapped(words):
                    yield command
                words = []
            else:
                words.append(word)


def unwrapped(words: list[str]) -> list[str]:
    """Return a command without redirections, `do`, variables, and the programs that run another."""
    words = [word for at, word in enumerate(words) if not {word, *words[at - 1 : at]} & {">", "<"}]
    while words and (words[0] in ("do", "done", "env") or re.match(r"[A-Z_]+=", words[0])):
        words = words[1:]
    if words[:1] == ["runuser"]:
        return unwrapped(words[words.index("--") + 1 :])
    if words[:2] == [".venv/bin/python", "manage.py"]:
        words = words[1:]
    return words


def of_the_service(words: list[str]) -> None:
    name = words[0].replace("-", "_")
    if name in ("web", "demo"):
        return
    assert name in get_commands()
    try:
        parser_of(name).parse_args(words[1:])
    except CommandError as error:
        raise AssertionError(f"{words}: {error}") from None


def of_make(words: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    target, *variables = words
    assert target in targets and all(re.match(r"(ROOM|ARGS)=", each) for each in variables)


def of_docker(words: list[str]) -> None:
    if words[0] in ("build", "run"):
        assert "-f" not in words or (ROOT / words[words.index("-f") + 1]).exists()
        if "manifest" in words:
            of_the_service(words[words.index("manifest") :])
        return
    assert words[:3] == ["compose", "-f", "deploy/compose.yaml"]
    services = yaml.safe_load(COMPOSE)["services"]
    verb, *rest = words[3:]
    if verb in ("run", "exec"):
        at = rest.index("web")
        inside = rest[at + 1 :]
        if verb == "exec":
            assert inside.pop(0) == "registry-sync"
        of_the_service(inside)
    elif verb in ("stop", "logs"):
        assert set(rest) <= set(services)
    else:
        assert verb == "up" and rest[0] == "-d"
        assert all(each.partition("=")[0] in services for each in rest[2:])


def of_systemd(words: list[str]) -> None:
    units = [word for word in words if word not in VERBS]
    names = {re.sub(r"2?@.*|\.(service|timer)$", "", unit) for unit in units}
    assert names <= UNITS | DEBIAN, units


def of_pip(words: list[str]) -> None:
    assert words[0] == "install"
    for lock in re.findall(r"-r (?:dist/)?(\S+)", " ".join(words)):
        assert (ROOT / lock).exists() and "--require-hashes" in words, words
    if any("registry_sync" in word for word in words):
        assert "--no-deps" in words, "the lock has them, with hashes"
    if extra := re.search(r"registry-sync\[(\w+)\]", " ".join(words)):
        assert f"{extra[1]} = {{ file" in (ROOT / "pyproject.toml").read_text()


def of_kubectl(words: list[str]) -> None:
    if words[0] == "apply":
        assert (ROOT / words[words.index("-k") + 1] / "kustomization.yaml").exists()
    elif words[0] == "-n":
        kind, name = next(word for word in words if "/" in word).split("/")
        found = [one for file in (ROOT / "deploy/kubernetes").iterdir()
                 for one in yaml.safe_load_all(file.read_text())]  # fmt: skip
        assert any(
            one["kind"].lower() == kind and one["metadata"] == {"name": name} | one["metadata"]
            for one in found
        ), words
    else:
        assert words == ["kustomize"]


def of_export(words: list[str]) -> None:
    """The variable is one of the service, or one that compose.yaml asks for."""
    known = {name for group in GROUPS.values() for each in group for name in each.names}
    for name in (word.partition("=")[0] for word in words if "=" in word):
        assert name.removesuffix("_FILE") in known or f"${{{name}:-" in COMPOSE, words


def of_postgres(words: list[str]) -> None:
    """The user and the database are those that the example of the environment connects to."""
    example = (ROOT / "deploy" / "env.example").read_text()
    url = urlsplit(re.search(r"DATABASE_URL=(.+)", example)[1])
    assert words[-1].removesuffix("_restored") in (url.username, url.path[1:]), words
    assert "--owner" not in words or words[words.index("--owner") + 1] == url.username, words


def of_useradd(words: list[str]) -> None:
    """The user and its folder are those of each unit."""
    for unit in (ROOT / "deploy" / "systemd").glob("*.service"):
        given = f"User={words[-1]}\n", f"WorkingDirectory={words[words.index('--home-dir') + 1]}\n"
        assert all(line in unit.read_text() for line in given), unit.name


def of_secrets(words: list[str]) -> None:
    """Each file that is made is a secret of compose.yaml, and each address leads to a service."""
    composed = yaml.safe_load(COMPOSE)
    if words[:2] == ["name", "in"]:
        assert set(words[2:]) <= set(composed["secrets"]), words
    else:
        host = urlsplit(words[0]).hostname
        assert host in composed["services"], words
        assert words[1].removeprefix("$(cat ").removesuffix(")") in composed["secrets"], words


def of_mkdir(words: list[str]) -> None:
    """What is secret in a folder of the checkout is not for git."""
    assert f"/{words[-1]}/" in (ROOT / ".gitignore").read_text().splitlines(), words


def of_nginx(words: list[str]) -> None:
    assert words == ["-t"], "tests/commands/test_deploy_files.py runs it on deploy/proxy/nginx.conf"


def with_files(words: list[str]) -> None:
    """Each file of the checkout that a command copies, lists or links is there."""
    for word in words:
        if word.startswith(("deploy/", "integration/", "tests/")) and not word.endswith("/env"):
            assert list(ROOT.glob(word)) or "secrets" in word, words


def of_python(words: list[str]) -> None:
    """A module is there with its options, or it is a program of a page, which ELSEWHERE names."""
    if words[0] in ("-c", "verify.py"):
        return
    found = find_spec(words[words.index("-m") + 1])
    assert found and found.origin, words
    code = Path(found.origin).read_text("utf-8")
    assert all(f'"{word}"' in code for word in words if word.startswith("--")), words


HELD: dict[str, Callable[[list[str]], None]] = {
    "rs": of_the_service,
    "registry-sync": of_the_service,
    "manage.py": of_the_service,
    "make": of_make,
    "docker": of_docker,
    "systemctl": of_systemd,
    "journalctl": of_systemd,
    "pip": of_pip,
    "kubectl": of_kubectl,
    "cd": with_files,
    "cp": with_files,
    "gunicorn": with_files,
    "install": with_files,
    "ln": with_files,
    "pytest": with_files,
    "chmod": with_files,
    "createdb": of_postgres,
    "createuser": of_postgres,
    "export": of_export,
    "for": of_secrets,
    "mkdir": of_mkdir,
    "nginx": of_nginx,
    "printf": of_secrets,
    "useradd": of_useradd,
    "openssl": with_files,
    ".": with_files,
    "python3": of_python,
    "python": of_python,
    "sh": with_files,
}
"""Who reads the commands of a program: what they name is there."""
OWN = {"rs", "registry-sync", "manage.py", "make", "."}
"""In the text, `tests/test_docs_commands.py` reads them."""
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
"""A command in the text is one that begins with a known program and a word, or has an option."""


def hyphened(name: str) -> str:
    return name.replace("_", "-")


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of the docs, each with the name of its page."""
    for block in blocks():
        if not block.language:
            for words in simple_commands(block.text):
                yield block.page, words
    known, own = {*HELD, *BY_HAND} - OWN, OWN | {"up"} | {*map(hyphened, get_commands())}
    for page in PAGES:
        if page.name == "CHANGELOG.md":
            continue  # what was
        for text in INLINE.findall(FENCE.sub("", page.read_text("utf-8"))):
            if re.match(r"(\S*/)?[a-z][\w.-]* (.* )?--?[a-z]", text) or text.split()[0] in known:
                for words in simple_commands(text):
                    if len(words) > 1 and hyphened(words[0]) not in own:
                        yield page.name, words


def test_each_block_is_read_by_something() -> None:
    seen: set[tuple[str, str]] = set()
    for block in blocks():
        if block.language in ("json", ""):
            continue
        seen.add((block.page, block.language))
        reader = ROOT / ELSEWHERE[block.page, block.language]
        assert f'"{block.page}"' in reader.read_text() or f"docs/{block.page}" in reader.read_text()
    assert seen == set(ELSEWHERE)


def examples() -> list[Any]:
    return [
        json.loads(text)
        for block in blocks()
        if block.language == "json"
        for text in (block.text.split("\n") if "}\n{" in block.text else [block.text])
        if text
    ]


@pytest.mark.parametrize("example", examples(), ids=json.dumps)
def test_each_example_of_settings_is_accepted(example: dict[str, Any]) -> None:
    if example.keys() & {"client", "endpoint", "scope", "registry_id_template"}:
        parse_connector(example, api_url="https://registry.example/api/compounds")
    else:
        assert [*RULES.iter_errors(example)] == []


def test_each_command_is_known() -> None:
    used = set()
    for page, (program, *words) in commands():
        name = Path(program).name if "/" in program else program
        used.add(name)
        assert name in HELD or name in BY_HAND, f"{page}: {program} {words}"
        if name in HELD:
            HELD[name](words)
    assert used == {*HELD, *BY_HAND}, "what no page names any more is removed here"
