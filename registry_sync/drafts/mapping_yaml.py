"""The YAML of a mapping file: its keys, and what makes it no mapping, whatever the tenant has."""

from __future__ import annotations

import json

import yaml

from registry_sync.core.json_text import count_values, is_too_deep, too_deep
from registry_sync.core.problems import ConfigError
from registry_sync.core.readable import readable
from registry_sync.core.types import Json

VERSION, SEVERAL = 1, 2
"""Of a file with one mapping, and of one with a section for each lane."""
LARGEST = 200_000
"""Characters of a file; a mapping of 200 fields has a tenth of it."""
MOST_VALUES = 200_000
"""Values of a file, counted as often as its aliases repeat them."""
TEXTS = {
    "api_url": "API URL",
    "external_id_field": "External ID Field",
    "external_name_field": "External Name Field",
    "modified_since_parameter": "Modified Since Parameter",
}
OF_LANE = {"schema", "folder", "fields", "connector_settings", *TEXTS}
KEYS = {VERSION: {"version", "registry", *OF_LANE}, SEVERAL: {"version", "registry", "lanes"}}


class PlainLoader(yaml.SafeLoader):
    """Loads YAML without merge keys and times: an unquoted 2026-01-05 is text, as in JSON."""

    yaml_implicit_resolvers = {
        sign: [found for found in resolvers if not found[0].endswith(":timestamp")]
        for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuse merge keys: a few lines of them can fill the memory."""
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, "merge keys (<<) are not supported", key.start_mark
                )


class Malformed(ConfigError):
    """A file that is no mapping, whatever the tenant has."""


def read_document(text: str) -> Json:
    """Return a file as JSON. Raise Malformed."""
    if len(text) > LARGEST:
        raise _malformed(f"it is larger than {LARGEST // 1000} KB")
    try:
        document = yaml.load(text, PlainLoader)
        if count_values(document) > MOST_VALUES:
            raise _malformed(f"its aliases make more than {MOST_VALUES:,} values of it")
        json.dumps(document, allow_nan=False)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = f"line {mark.line + 1}: {error.problem}" if mark else " ".join(str(error).split())  # type: ignore[attr-defined]
        raise _malformed(f"it is not valid YAML ({reason})") from error
    except RecursionError:
        raise _malformed(str(too_deep())) from None
    except (TypeError, ValueError) as error:
        raise _malformed(f"it has a value that JSON does not have ({error})") from error
    if is_too_deep(document):
        raise _malformed(str(too_deep()))
    if not isinstance(document, dict) or document.get("version") not in KEYS:
        raise _malformed(f"it is not a mapping of version {VERSION} or {SEVERAL}")
    _check_keys(document, KEYS[document["version"]])
    if document["version"] == SEVERAL:
        sections = document.get("lanes")
        if not isinstance(sections, list) or not sections:
            raise _malformed("it has no lanes")
        for section in sections:
            if not isinstance(section, dict):
                raise _malformed(f"“{readable(section)}” is not a lane")
            _check_keys(section, OF_LANE)
    return document


def _check_keys(document: Json, allowed: set[str]) -> None:
    if unknown := sorted(set(map(str, document)) - allowed):
        raise _malformed(f"it has unknown keys: {', '.join(unknown)}")


def _malformed(fault: str) -> Malformed:
    return Malformed(
        f"The mapping file cannot be used: {fault}.",
        remedy="The integration owner must correct the file. Nothing was changed.",
        code="mapping_file",
    )
