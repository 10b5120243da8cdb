"""Check the settings of a production deployment, and that the models have all their migrations.

Both in one process: to start Django takes longer than either. Exits 1 at the first that fails.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ROOT = Path(__file__).resolve().parent.parent


def private_key() -> str:
    """Make an app's private key, as PEM."""
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def settings() -> dict[str, str]:
    """Return the environment of a production deployment."""
    return {
        "DJANGO_SETTINGS_MODULE": "integration.settings",
        "DEBUG": "",
        "SECRET_KEY": secrets.token_urlsafe(60),
        "ALLOWED_HOSTS": "sync.example.com",
        "BENCHLING_URL": "https://example.benchling.com",
        "BENCHLING_CLIENT_ID": "id",
        "BENCHLING_CLIENT_SECRET": "secret",
        "BENCHLING_APP_ID": "app_1",
        "BENCHLING_APP_DEFINITION_ID": "appdef_1",
        "BENCHLING_PRIVATE_KEY": private_key(),
        "REDIS_URL": "redis://127.0.0.1:6379/0",
    }


def main() -> None:
    """Run `manage.py check --deploy`, then `manage.py makemigrations --check`."""
    os.environ |= settings()
    sys.path.insert(0, str(ROOT))
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", "check", "--deploy", "--fail-level", "WARNING"])
    execute_from_command_line(["manage.py", "makemigrations", "--check", "--dry-run"])


if __name__ == "__main__":
    main()
