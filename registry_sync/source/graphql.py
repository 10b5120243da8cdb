"""GraphQL documents in requests: their selections, arguments and variables. Pure.

https://spec.graphql.org/October2021/#sec-Language
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

DOCUMENT = re.compile(r"\s*(?:(?:query|fragment|#)[^{}]*)?\{\s*[A-Za-z_.#][^{}]*\{")
"""The beginning of a document: a selection inside another one."""
ARGUMENTS = re.compile(r'\((?:[^()"]|"(?:[^"\\]|\\.)*")*\)')
"""The arguments of a field. Their strings may have parentheses."""


def is_document(text: object) -> bool:
    """Return whether a value is the text of a GraphQL query."""
    return isinstance(text, str) and DOCUMENT.match(text) is not None


def query_in(body: Any) -> str:
    """Return the query of a request's JSON body, or of its parameters; "" if it has none."""
    query = body.get("query") if isinstance(body, Mapping) else None
    return query if isinstance(query, str) and is_document(query) else ""


def arguments(query: str) -> str:
    """Return the part of a query in which `{cursor}` is a placeholder.

    Outside its arguments, `edges{cursor}` selects a field.
    """
    return " ".join(ARGUMENTS.findall(query))


def fill(query: str, hole: str, argument: str) -> str:
    """Return a query with a placeholder filled among its arguments."""
    return ARGUMENTS.sub(lambda found: found[0].replace(hole, argument), query)


def variable_of(body: Any, argument: str) -> str:
    """Return where a body takes an argument's value: `variables.cursor` for `after: $cursor`."""
    found = re.search(rf"\b{re.escape(argument)}\s*:\s*\$(\w+)", query_in(body))
    return f"variables.{found[1] if found else argument}"


def undeclared(body: Any, path: str) -> str:
    """Return the variable that a path leads to and that the query does not have; "" for none."""
    root, _, rest = path.partition(".")
    name = rest.split(".")[0]
    query = query_in(body)
    missing = query and root == "variables" and not re.search(rf"\${re.escape(name)}\b", query)
    return name if missing else ""
