"""Fitting one value to one Benchling field. Coercion is explicit and reported; nothing is dropped.

Canonical values, as they are sent and remembered: text str, integer int, float finite float,
boolean bool, date YYYY-MM-DD, datetime RFC 3339 in UTC, json object, dropdown option id, link
{"entityRegistryId": …}; a list of them where the field is multi; None clears.
https://docs.benchling.com/docs/entity-fields
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from registry_sync.benchling.schema import FieldDefinition
from registry_sync.mapping.date_fitting import fit_date, fit_datetime
from registry_sync.mapping.part_fitting import PART_FITTERS
from registry_sync.mapping.rules.base import MINUS
from registry_sync.mapping.rules.numbers import number_rule
from registry_sync.mapping.values import Misfit, can_be_stored, kind_of
from registry_sync.source.answers.marks import TWICE, fault_in

TRUE, FALSE = frozenset({"true", "yes", "y", "1"}), frozenset({"false", "no", "n", "0"})
LARGEST = 2**63 - 1
"""The largest whole number of Benchling's integer fields."""
Fitted = tuple[Any, str]
"""The canonical value, and how it was coerced: "" for not at all."""


def fit(
    value: Any, field: FieldDefinition, link_id: Callable[[str], str], *, limits: bool = True
) -> Fitted:
    """Return one single value fitted to a field. Raise Misfit.

    `limits` is off for Benchling's own values, which may exceed limits that were set later.
    """
    if type(value) is str and value[:1] == TWICE:
        raise Misfit("unreadable_text", fault_in(value))
    if field.is_link:
        return _link(value, link_id)
    if field.type == "dropdown":
        return _option(value, field)
    if field.type in PART_FITTERS:
        return PART_FITTERS[field.type](value, field)
    fitted, note = _FITTERS[field.type](value)
    if limits and field.type in ("integer", "float"):
        _check_limits(fitted, field)
    return fitted, note


def _text(value: Any) -> Fitted:
    if isinstance(value, str):
        if not can_be_stored(value):
            raise Misfit(
                "unreadable_text",
                fault_in(value)
                or "contains a character that cannot be stored (NUL, or half of a surrogate pair)",
            )
        return value, ""
    if isinstance(value, bool):
        if not value:  # of most registries that send it, a missing value
            raise Misfit("wrong_type", "is yes/no, not text")
        return "true", "yes/no to text"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value)), "number to text"
    if isinstance(value, (int, float)):
        return str(value), "number to text"
    raise Misfit("wrong_type", f"is {kind_of(value)}, not text")


def _integer(value: Any) -> Fitted:
    if isinstance(value, bool):
        raise Misfit("wrong_type", "is yes/no, not a whole number")
    if isinstance(value, int):
        return _sized(value), ""
    if isinstance(value, float):
        if not value.is_integer():
            raise Misfit("wrong_type", "is not a whole number")
        return _sized(int(value)), "decimal to whole number"
    if isinstance(value, str):
        return _whole(value), "text to whole number"
    raise Misfit("wrong_type", "is not a whole number")


def _whole(text: str) -> int:
    """Return a whole number exactly: by way of a float, the last digits would change."""
    number = _decimal(text, "is not a whole number")
    if number.is_finite() and number.adjusted() > 18:
        raise Misfit("out_of_range", "is larger than Benchling's whole numbers")
    if not number.is_finite() or number != number.to_integral_value():
        raise Misfit("wrong_type", "is not a whole number")
    return _sized(int(number))


def _sized(number: int) -> int:
    if abs(number) > LARGEST:
        raise Misfit("out_of_range", "is larger than Benchling's whole numbers")
    return number


def _float(value: Any) -> Fitted:
    if isinstance(value, bool):
        raise Misfit("wrong_type", "is yes/no, not a number")
    if isinstance(value, float):
        exact, number, note = None, value, ""
    elif isinstance(value, (int, str)):
        exact = Decimal(value) if isinstance(value, int) else _decimal(value, "is not a number")
        note = "text to number" if isinstance(value, str) else ""
        if not exact.is_finite():
            raise Misfit("wrong_type", "is not a finite number")
        number = float(exact)
        if math.isinf(number) or (number == 0 and exact != 0):
            raise Misfit("out_of_range", "is outside the range of Benchling's decimal numbers")
    else:
        raise Misfit("wrong_type", "is not a number")
    if not math.isfinite(number):
        raise Misfit("wrong_type", "is not a finite number")
    if exact is not None and Decimal(repr(number)) != exact:
        note = "number rounded to the digits that a decimal field holds"
    return number + 0.0, note  # -0.0 and 0.0 are one value


def _decimal(text: str, fault: str) -> Decimal:
    try:
        if "_" in text:
            raise InvalidOperation
        return Decimal(text.strip().replace(MINUS, "-"))
    except InvalidOperation as error:
        raise Misfit("wrong_type", fault, rule=number_rule(text)) from error


def _check_limits(number: float, field: FieldDefinition) -> None:
    if field.numeric_min is not None and number < field.numeric_min:
        raise Misfit("out_of_range", f"is below the field's minimum of {field.numeric_min}")
    if field.numeric_max is not None and number > field.numeric_max:
        raise Misfit("out_of_range", f"is above the field's maximum of {field.numeric_max}")


def _boolean(value: Any) -> Fitted:
    if isinstance(value, bool):
        return value, ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON has one kind of number
    text = str(value).strip().lower() if isinstance(value, (str, int)) else ""
    if text in TRUE:
        return True, "text or number to yes/no"
    if text in FALSE:
        return False, "text or number to yes/no"
    raise Misfit("wrong_type", "is neither yes nor no")


def _json(value: Any) -> Fitted:
    if not isinstance(value, dict):
        raise Misfit("wrong_type", f"is {kind_of(value)}, not a JSON object")
    if not _readable_whole(value):
        raise Misfit("unreadable_text", "contains text that cannot be stored")
    return value, ""


def _readable_whole(value: Any) -> bool:
    if isinstance(value, dict):
        return all(can_be_stored(key) and _readable_whole(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_readable_whole, value))
    if isinstance(value, float):
        return math.isfinite(value)  # NaN is not JSON, though a rule's constant may be
    return not isinstance(value, str) or can_be_stored(value)


def _option(value: Any, field: FieldDefinition) -> Fitted:
    """Return a dropdown's option by its id, its label, or its label but for case and spaces."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Misfit("wrong_type", f"is {kind_of(value)}, not an option's label")
    label, _ = _text(value)
    options = field.options or ()
    for option in options:
        if label == option.id and not option.archived:
            return option.id, ""
    labels = {label, str(value)} if isinstance(value, float) else {label}  # an option called 1.0
    exact = [option for option in options if option.label in labels]
    if len(exact) == 1 and not exact[0].archived:
        return exact[0].id, ""
    near = [option for option in options if option_key(option.label) == option_key(label)]
    for found in (exact, near):
        live = [option for option in found if not option.archived]
        if len(live) == 1:
            return live[0].id, "" if found is exact else "label but for case or spaces"
        if len(live) > 1:
            raise Misfit("dropdown_ambiguous", "matches several options of the dropdown")
    if exact or near:
        raise Misfit(
            "dropdown_option_missing", "is an archived option of the dropdown", option=label
        )
    raise Misfit("dropdown_option_missing", "is not an option of the dropdown", option=label)


def _link(value: Any, link_id: Callable[[str], str]) -> Fitted:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Misfit("wrong_type", f"is {kind_of(value)}, not the id of a record")
    text, _ = _text(value)
    if not text.strip():
        raise Misfit("wrong_type", "is empty, not the id of a record")
    return {"entityRegistryId": link_id(text.strip())}, ""


def option_key(text: str) -> str:
    """Return a label as options are compared: without case and surplus blanks."""
    return unicodedata.normalize("NFC", " ".join(text.split()).casefold())


_FITTERS: dict[str, Callable[[Any], Fitted]] = {
    "text": _text,
    "long_text": _text,
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
    "date": fit_date,
    "datetime": fit_datetime,
    "json": _json,
}
