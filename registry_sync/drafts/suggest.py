"""Suggestions for a mapping, from names and from values. Pure; nothing is applied automatically.

How confident a suggestion is: `fits × (1 − (1 − name) × (1 − values))`. `fits` is the share of
the sample's values that the field takes, after the rule; `name` how alike path and field are
named (1 for the same words); `values` what the values alone say (CERTAINTY). So either may carry
a suggestion, both together carry it further, and what does not fit is worth nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from registry_sync.benchling.schema import MAPPABLE, EntitySchema, FieldDefinition
from registry_sync.core.epochs import IN_WORDS
from registry_sync.core.readable import readable
from registry_sync.core.text import are, name_key, number_of
from registry_sync.core.types import Json
from registry_sync.drafts import value_patterns as patterns
from registry_sync.drafts.name_similarity import ALIKE, in_words, name_likeness, split_words
from registry_sync.drafts.sample import flat, paths_of, values_of
from registry_sync.mapping.date_fitting import date_rule
from registry_sync.mapping.fitting import fit
from registry_sync.mapping.parts import part_fields
from registry_sync.mapping.rules import RuleError, apply, parse_rule
from registry_sync.mapping.rules.numbers import unit_behind
from registry_sync.mapping.values import Misfit
from registry_sync.source.paths import ABSENT

LEAST, CONFIDENT = 0.35, 0.8
"""Below the first nothing is suggested; above the second, one click takes all."""
CERTAINTY = {
    "look": 0.85, "labels": 0.85, "link": 0.85, "datetime": 0.3, "date": 0.45, "boolean": 0.4,
    "number": 0.1, "text": 0.0,
}  # fmt: skip
NAME_WEIGHT = 0.93
"""The same name alone: likely, never certain."""
MEANT = {
    "smiles": ("smiles",), "inchikey": ("inchikey",), "inchi": ("inchi",), "cas": ("cas",),
    "nucleotides": ("sequence", "dna", "rna", "nucleotide", "oligo", "bases"),
    "protein": ("sequence", "protein", "peptide", "amino"),
}  # fmt: skip
"""Words in a field's name that say it is meant for values of a look."""


SUGGESTED = ("structure", "sequence")
"""The parts that values alone speak for."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A path for a Benchling field, how sure that is and why; the user accepts or ignores it."""

    path: str
    field_id: str
    field: str
    confidence: float
    why: str
    examples: tuple[str, ...]
    rule: Any = None

    def as_json(self) -> Json:
        return {**asdict(self), "examples": list(self.examples)}


@dataclass(frozen=True, slots=True)
class Column:
    """One path of the sample, with what its values show, computed once for all fields."""

    path: str
    values: list[Any]
    flat: list[Any]
    look: str
    look_count: int


def suggest(records: Sequence[Json], schema: EntitySchema, *, id_path: str) -> list[Suggestion]:
    """Suggest a path for each field that can be mapped: each once at most, the surest first."""
    columns = [column for path in paths_of(records) if (column := _column(records, path))]
    ids = {str(value) for value in values_of(records, id_path)} if " + " not in id_path else set()
    every: list[Suggestion] = []
    fields = [f for f in schema.fields if not f.archived and f.type in MAPPABLE]
    for field in [*fields, *(f for f in part_fields(schema) if f.id in SUGGESTED)]:
        own = ids if field.link_schema_id == schema.id else set()
        every += [
            suggestion for column in columns if (suggestion := _pair(column, field, own, id_path))
        ]
    return _each_once(every)


def _each_once(every: list[Suggestion]) -> list[Suggestion]:
    taken_fields, taken_paths, kept = set(), set(), []
    for suggestion in sorted(every, key=lambda s: (-s.confidence, len(s.path), s.path)):
        if suggestion.field_id not in taken_fields and suggestion.path not in taken_paths:
            taken_fields.add(suggestion.field_id)
            taken_paths.add(suggestion.path)
            kept.append(suggestion)
    return kept


def _column(records: Sequence[Json], path: str) -> Column | None:
    values = values_of(records, path)
    singles = flat(values)
    return Column(path, values, singles, *patterns.look_of(singles)) if singles else None


# -- one path and one field -------------------------------------------------------------------


def _pair(column: Column, field: FieldDefinition, ids: set[str], id_path: str) -> Suggestion | None:
    alike = name_likeness(column.path, field.name)
    telling = field.type in ("dropdown", "date", "boolean") or bool(ids) or bool(column.look)
    if (alike < ALIKE and not telling) or (field.is_link and column.path == id_path):
        return None  # and a record is no link to itself
    rule = rule_for(column.flat, column.values, field)
    fits = _share_that_fits(column.values, rule, field)
    certain, why = _evidence(column, field, ids, rule)
    confidence = round(fits * (1 - (1 - alike * NAME_WEIGHT) * (1 - certain)), 2)
    if confidence < LEAST or (alike < ALIKE and certain < LEAST):
        return None
    unit = f"its unit in Benchling is {field.unit}" if field.unit else ""
    reasons = [in_words(alike), why, _rule_in_words(rule), unit]
    if fits < 1:
        refused = len(column.values) - round(fits * len(column.values))
        reasons.append(f"{refused} of {number_of(len(column.values), 'value')} would be refused")
    return Suggestion(
        path=column.path,
        field_id=field.id,
        field=field.name,
        confidence=confidence,
        why="; ".join(part for part in reasons if part),
        examples=tuple(readable(value)[:80] for value in _distinct(column.flat)[:3]),
        rule=rule,
    )


def _evidence(
    column: Column, field: FieldDefinition, ids: set[str], rule: Any
) -> tuple[float, str]:
    """Return how much the values alone speak for this field, and in which words."""
    count = len(column.flat)
    if field.is_link:
        count_fitting = sum(str(value) in ids for value in column.flat)
        if count_fitting and count_fitting >= count / 2:
            evidence = f"{count_fitting} of {count} {are(count)} ids of records here"
            return CERTAINTY["link"] * count_fitting / count, evidence
        return 0.0, ""
    if field.type == "dropdown":
        labels = [option.label for option in field.options or () if not option.archived]
        share = _share_that_fits(column.values, rule, field)
        if share and labels:
            count_fitting = round(share * len(column.values))
            return CERTAINTY["labels"] * share, (
                f"{_share(count_fitting, column.values)} options of its dropdown"
            )
        return 0.0, ""
    if field.type in ("text", "long_text", "smiles", "dna", "rna", "aa"):
        return _look_evidence(column, field)
    kind = "number" if field.type in ("integer", "float") else field.type
    words = {"number": "numbers", "date": "dates", "datetime": "dates with a time",
             "boolean": "yes or no"}  # fmt: skip
    if kind not in CERTAINTY:
        return 0.0, ""
    low, high = field.numeric_min, field.numeric_max
    within = " within its limits" if kind == "number" and (low, high) != (None, None) else ""
    certain = CERTAINTY[kind] * (2 if within else 1)
    share = _share_that_fits(column.values, rule, field)
    count_fitting = round(share * len(column.values))
    return certain * share, f"{_share(count_fitting, column.values)} {words[kind]}{within}"


def _share(count: int, values: Sequence[Any]) -> str:
    return f"{count} of {number_of(len(values), 'value')} {are(len(values))}"


def _look_evidence(column: Column, field: FieldDefinition) -> tuple[float, str]:
    if not column.look:
        return 0.0, ""
    words = split_words(field.name).split()
    look_label = patterns.LOOKS[column.look][0]
    evidence = f"{_share(column.look_count, column.flat)} {look_label}"
    name_fits = any(word in words for word in MEANT[column.look])
    return (CERTAINTY["look"] if name_fits else 0.0), evidence


def _share_that_fits(values: Sequence[Any], rule: Any, field: FieldDefinition) -> float:
    steps = parse_rule(rule or "as_is")
    return sum(_fits(apply_or_none(steps, value), field) for value in values) / len(values)


def apply_or_none(steps: Any, value: Any) -> Any:
    """Apply rules; ABSENT where one refuses the value."""
    try:
        return apply(steps, value)
    except RuleError:
        return ABSENT


def _fits(value: Any, field: FieldDefinition) -> bool:
    if value is ABSENT or (isinstance(value, list) and not field.is_multi and len(value) != 1):
        return False
    try:
        for item in value if isinstance(value, list) else [value]:
            fit(item, field, str)
    except Misfit:
        return False
    return True


# -- rules --------------------------------------------------------------------------------------


def rule_for(singles: Sequence[Any], values: Sequence[Any], field: FieldDefinition) -> Any:
    """Find the rule that these values need to fit this field; None where they need none."""
    texts = [value.strip() for value in singles if isinstance(value, str)]
    if field.type == "datetime" or (field.type == "date" and not texts):
        fits = all(_fits(value, field) for value in singles)
        return None if fits else date_rule(singles, field.type)
    if not texts or len(texts) < len(singles):
        return None
    if field.is_multi and (separator := _separator(values)):
        parts = [part.strip() for text in texts for part in text.split(separator) if part.strip()]
        inner = _labels(parts, field)
        split = {"rule": "split", "separator": separator}
        return [split, inner] if inner else split
    if field.type == "dropdown":
        return _labels(texts, field)
    if field.type in ("integer", "float") and patterns.has_decimal_comma(texts):
        return {"rule": "number", "decimal": ","}
    if field.unit and (unit := unit_behind(texts, field.unit)):
        return {"rule": "unit", "from": unit}
    if field.type == "date" and not all(map(patterns.is_iso_date, texts)):
        forms = patterns.date_formats(texts)
        return {"rule": "date", "format": forms[0]} if len(forms) == 1 else None
    return None


def _separator(values: Sequence[Any]) -> str:
    """Find what divides lists that are written as text."""
    texts = [value for value in values if isinstance(value, str)]
    return next((sign for sign in (";", "|") if any(sign in text for text in texts)), "")


def _labels(texts: Sequence[str], field: FieldDefinition) -> Json | None:
    """Make a label table where values differ from options in case and signs alone."""
    if field.type != "dropdown":
        return None
    options: dict[str, list[str]] = {}
    for option in field.options or ():
        if not option.archived:
            options.setdefault(_letters(option.label), []).append(option.label)
    option_keys = {name_key(label) for labels in options.values() for label in labels}
    table = {}
    for text in _distinct(texts):
        found = options.get(_letters(text), [])
        if name_key(text) not in option_keys and len(found) == 1:
            table[text] = found[0]
    return {"rule": "labels", "table": table, "otherwise": "keep"} if table else None


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def _rule_in_words(rule: Any) -> str:
    steps = rule if isinstance(rule, list) else [rule]
    words = []
    for step in steps:
        match step:
            case {"rule": "split", "separator": sign}:
                words.append(f"divided at “{sign}”")
            case {"rule": "labels"}:
                words.append("labels that are written otherwise are translated")
            case {"rule": "unit", "from": unit}:
                words.append(f"converted from {unit}")
            case {"rule": "number"}:
                words.append("with a decimal comma")
            case {"rule": "date", "format": form} if form in IN_WORDS:
                words.append(f"{IN_WORDS[form]} since 1970")
            case {"rule": "date", "format": form}:
                words.append(f"dates of the form {form}")
    return ", ".join(words)


def _distinct(values: Sequence[Any]) -> list[Any]:
    return list({str(value): value for value in values}.values())
