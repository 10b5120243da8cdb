"""The platform: client, app configuration, schemas, bulk upsert."""

import sys

# httpx's command for terminals brings rich, click and pygments with it: 80 modules at each start.
# Without them httpx puts a hint in its place.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
