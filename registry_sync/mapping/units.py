"""Units of measurement: from the registry's to a field's own, by pint.

pint is imported where a rule names a unit, and nowhere else. https://pint.readthedocs.io
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from registry_sync.core.secrets import shortened

if TYPE_CHECKING:
    import pint

LONGEST = 50
Converter = Callable[[Decimal], Decimal]


class UnitFault(ValueError):
    """A unit that is not known, or of another dimension; its text says which."""


def converter(from_unit: str, to_unit: str) -> Converter:
    """Return a function from a number in one unit to one in another. Raise UnitFault."""
    source, target = _unit(from_unit), _unit(to_unit)
    if source.dimensionality != target.dimensionality:
        raise UnitFault(
            f"{from_unit} ({source.dimensionality}) is of another dimension than the field's unit "
            f"{to_unit} ({target.dimensionality})"
        )
    if _base(source) != _base(target):  # to pint, angles have no dimension: 60 rpm were 6.28 Hz
        raise UnitFault(
            f"{from_unit} counts angles or turns, and the field's unit {to_unit} does not, or "
            "the other way round"
        )
    quantity = _registry().Quantity

    def convert(number: Decimal) -> Decimal:
        return Decimal(quantity(number, source).to(target).magnitude)

    try:
        convert(Decimal(1))
    except Exception as error:  # such as logarithmic units, which pint cannot convert in decimals
        raise UnitFault(f"{from_unit} cannot be converted to the field's unit {to_unit}") from error
    return convert


def folded(text: str) -> str:
    """Return a unit in one spelling of its signs: ℃ is °C, and both signs for micro are one."""
    plain = unicodedata.normalize("NFKC", text.strip())
    return plain.replace("\N{GREEK SMALL LETTER MU}", "\N{MICRO SIGN}")


def is_unit(text: str) -> bool:
    """Return whether a text is a known unit."""
    try:
        _unit(text)
    except UnitFault:
        return False
    return True


@lru_cache(maxsize=256)
def is_same_unit(one: str, other: str) -> bool:
    """Return whether two texts name the same unit: `mg/ml` is `mg/mL`, and `g/L` is another."""
    if folded(one) == folded(other):
        return True
    return is_unit(one) and is_unit(other) and _unit(one) == _unit(other)


def _base(unit: pint.Unit) -> object:
    return _registry().get_base_units(unit)[1]


def _unit(text: str) -> pint.Unit:
    if len(text) <= LONGEST:
        for spelling in (text, folded(text)):
            try:
                return _registry().Unit(spelling.strip())
            except Exception:  # pint raises whatever its tokenizer and its tables raise
                continue
    raise UnitFault(f"the unit {shortened(text, LONGEST)} is not known")


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry:
    import pint

    return pint.UnitRegistry(non_int_type=Decimal, autoconvert_offset_to_baseunit=True)
