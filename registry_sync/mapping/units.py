"""Units of measurement: from the registry's to a field's own, by pint.

pint is imported where a rule names a unit, and nowhere else. https://pint.readthedocs.io
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pint

LONGEST = 50
Converter = Callable[[Decimal], Decimal]


class UnitFault(ValueError):
    """A unit that is not known, or of another dimension; its text says which."""


def converter(given: str, wanted: str) -> Converter:
    """Return a function from a number in one unit to one in another. Raises UnitFault."""
    source, target = _unit(given), _unit(wanted)
    if source.dimensionality != target.dimensionality:
        raise UnitFault(
            f"{given} ({source.dimensionality}) is of another dimension than the field's unit "
            f"{wanted} ({target.dimensionality})"
        )
    quantity = _registry().Quantity

    def convert(number: Decimal) -> Decimal:
        return Decimal(quantity(number, source).to(target).magnitude)

    convert(Decimal(1))  # what cannot be converted is a fault of the mapping
    return convert


def _unit(text: str) -> pint.Unit:
    if len(text) <= LONGEST:
        for spelling in (text, text.replace("\N{GREEK SMALL LETTER MU}", "\N{MICRO SIGN}")):
            try:
                return _registry().Unit(spelling.strip())
            except Exception:  # pint raises whatever its tokenizer and its tables raise
                continue
    raise UnitFault(f"the unit {text[:LONGEST]} is not known")


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry:
    import pint

    return pint.UnitRegistry(non_int_type=Decimal, autoconvert_offset_to_baseunit=True)
