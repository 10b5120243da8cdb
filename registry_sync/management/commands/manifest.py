"""`manage.py manifest`: render the app's manifest with this deployment's public key."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.management.base import CommandError

from registry_sync.checks import key_fault
from registry_sync.management.operator import OperatorCommand


class Text(str):
    """Text that YAML writes in a block of its own."""


yaml.SafeDumper.add_representer(
    Text, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
)


class Command(OperatorCommand):
    help = (
        "Render manifest.yaml with the public half of BENCHLING_PRIVATE_KEY; --new-key makes the "
        "pair first. The manifest goes to the standard output."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--new-key",
            metavar="FILE",
            type=Path,
            help="make a private key in FILE (mode 600; never overwritten)",
        )
        parser.add_argument(
            "--legacy", action="store_true", help="the form for legacy and validated-cloud tenants"
        )
        parser.add_argument("--output", metavar="FILE", type=Path, help="write to FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path | None = options["new_key"]
        pem = _new_key(path) if path else settings.BENCHLING_PRIVATE_KEY
        if not pem:
            raise CommandError(
                "No BENCHLING_PRIVATE_KEY is set. Make one: manage.py manifest --new-key app.pem"
            )
        if fault := key_fault(pem):
            raise CommandError(f"BENCHLING_PRIVATE_KEY {fault}.")
        text = render(pem, legacy=options["legacy"])
        if options["output"]:
            options["output"].write_text(text, encoding="utf-8")
            self.stderr.write(f"The manifest is in {options['output']}.")
        else:
            self.stdout.write(text)
        if path:
            self.stderr.write(
                f"The private key is in {path}: set BENCHLING_PRIVATE_KEY_FILE={path.resolve()}"
            )


def render(private_key: str, *, legacy: bool = False) -> str:
    """Write the manifest, as YAML, for the owner of a private key.

    Legacy and validated-cloud tenants still want `settings.lifecycleManagement` and know neither
    features' types nor versions. https://docs.benchling.com/docs/getting-started-benchling-apps
    """
    source = Path(settings.BASE_DIR) / "manifest.yaml"
    manifest = yaml.safe_load(source.read_text(encoding="utf-8"))
    manifest["security"]["publicKey"] = Text(_public_half(private_key))
    if legacy:
        manifest["info"].pop("version")
        manifest["settings"] = {"lifecycleManagement": "MANUAL"}
        manifest.pop("subscriptions")
        manifest["features"] = [
            {key: feature[key] for key in ("name", "id", "type")}
            for feature in manifest["features"]
        ]
    return yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=100)


def _new_key(path: Path) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise CommandError(
            f"{path} exists; a key in use is never overwritten. Name another file."
        ) from error
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    return pem.decode()


def _public_half(private_key: str) -> str:
    key = serialization.load_pem_private_key(private_key.encode(), password=None)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return public.decode()
