"""A Benchling tenant and an external registry on loopback, for the demo and the tests."""

import sys

# jsonschema would compile 38 grammars, a second of CPU, of formats used nowhere here, where the
# package is there: the bill of materials brings it. `iri` and its like are then not checked.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
