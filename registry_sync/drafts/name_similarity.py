"""How alike a path of a record and a Benchling field are named. Pure."""

from __future__ import annotations

import re

ALIKE = 0.6
"""Names below this have nothing in common."""
UNITS = frozenset(
    ("mg", "g", "kg", "ug", "µg", "ng", "l", "ml", "ul", "µl", "m", "mm", "µm", "um", "nm", "mol",
     "mmol", "da", "kda", "dalton", "daltons", "c", "degc", "k", "h", "min", "s", "percent", "pct",
     "iso", "utc")
)  # fmt: skip
SYNONYMS = {
    "mw": "molecular weight", "mol wt": "molecular weight", "cas no": "cas", "cas number": "cas",
    "cas rn": "cas", "cas registry number": "cas", "casrn": "cas", "pref": "preferred",
    "desc": "description", "qty": "quantity", "seq": "sequence", "aa": "protein", "dt": "date",
    "canonical smiles": "smiles", "isomeric smiles": "smiles", "structure": "smiles",
    "inchi key": "inchikey", "standard inchi key": "inchikey", "standard inchi": "inchi",
}  # fmt: skip


def name_likeness(path: str, name: str) -> float:
    """Return how alike a path and a field are named, from 0 to 1; the path's end counts most."""
    words = split_words(name)
    whole, last = split_words(path), split_words(_last_key(path))
    return max(_likeness(last, words), 0.95 * _likeness(whole, words))


def _likeness(one: str, other: str) -> float:
    if not one or not other:
        return 0.0
    if one == other:
        return 1.0
    from rapidfuzz import fuzz  # not with every command: 3 MB, for mapping drafts alone

    close = fuzz.ratio(one.replace(" ", ""), other.replace(" ", "")) / 100
    # All words of the shorter are in the longer: `name` for “Preferred name”.
    shared = 0.88 * fuzz.token_set_ratio(one, other) / 100
    score = max(close, shared)
    return score if score >= ALIKE else 0.0


def _last_key(path: str) -> str:
    named = re.search(r"\[\?\w+=='([^']+)'\]", path)
    return named[1] if named else path.rpartition(".")[2].strip("\"'")


def split_words(text: str) -> str:
    """Write a name as plain words: camelCase and signs divided, units and brackets left out."""
    text = re.sub(r"\([^)]*\)|\[[^\]]*\]|\*", " ", text)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    words = re.sub(r"InChI key", "inchikey", text, flags=re.I)
    parts = re.sub(r"In\s?Ch\s?I", "inchi", words)
    tokens = re.findall(r"[^\W_]+", parts.casefold())
    if (whole := " ".join(tokens)) in SYNONYMS:
        return SYNONYMS[whole]
    plain = " ".join([token for token in tokens if token not in UNITS] or tokens)
    return SYNONYMS.get(plain, " ".join(SYNONYMS.get(token, token) for token in plain.split()))


def in_words(alike: float) -> str:
    """Return a likeness from 0 to 1 as evidence of a suggestion."""
    if alike >= 0.999:
        return "the same name"
    return "named alike" if alike >= ALIKE else "named otherwise"
