"""What is mapped beside fields, by a key of Mapping Rules that is no field's id.

`{"structure": {"smiles": "canonical_smiles"}, "aliases": ["synonyms[*]", "cas"]}`. To add one, add
a class with `@register("its_key")` to a module here; import a new module below.
"""

from registry_sync.mapping.parts import lists, places, sequences, structures  # noqa: F401
from registry_sync.mapping.parts.base import PARTS, PartRule, compile_parts, is_part
from registry_sync.mapping.parts.rows import part_fields, row_of_rule, rule_of_row, without_parts

__all__ = [
    "PARTS",
    "PartRule",
    "compile_parts",
    "is_part",
    "part_fields",
    "row_of_rule",
    "rule_of_row",
    "without_parts",
]
