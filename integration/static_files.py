"""Static files: by hashed names once they are collected, and by plain names until then."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedOrPlain(CompressedManifestStaticFilesStorage):
    """Serve a file that `collectstatic` has not seen under its plain name.

    Django's storage raises an error for such a file, so that every page would be a bare 500.
    """

    def stored_name(self, name: str) -> str:
        """Return the hashed name of a collected file, or else the plain one."""
        try:
            found: str = super().stored_name(name)
        except ValueError:
            return name
        return found
