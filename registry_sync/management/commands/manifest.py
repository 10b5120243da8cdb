"""`manage.py manifest`: render the app's manifest with this deployment's public key."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from sysconfig import get_path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.management.base import CommandError

from registry_sync.checks import key_fault
from registry_sync.management.operator import STANDARD, USAGE, OperatorCommand, new_file

TEMPLATE = "manifest.yaml"


class Text(str):
    """Text that YAML writes as a block."""


yaml.SafeDumper.add_representer(
    Text, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
)


class Command(OperatorCommand):
    help = (
        "Render the app's manifest from the template manifest.yaml, with the public half of "
        "BENCHLING_PRIVATE_KEY; --new-key generates the key pair first. The manifest goes to the "
        "standard output, or with --output to a file."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--new-key",
            metavar="FILE",
            type=new_file,
            help="generate a private key in FILE (mode 600; never overwritten)",
        )
        parser.add_argument(
            "--legacy",
            action="store_true",
            help="use the format for legacy and validated-cloud tenants",
        )
        parser.add_argument(
            "--output", metavar="FILE", type=Path, help="write to FILE (- for standard output)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path | None = options["new_key"]
        output: Path | None = options["output"]
        if output and str(output) == STANDARD:
            output = None
        if output:
            _refuse_to_overwrite(output, path)
        pem = _new_pem() if path else settings.BENCHLING_PRIVATE_KEY
        if not pem:
            raise CommandError(
                "BENCHLING_PRIVATE_KEY is not set. Generate a key: manage.py manifest --new-key "
                "app.pem"
            )
        if fault := key_fault(pem):
            raise CommandError(f"BENCHLING_PRIVATE_KEY {fault}.")
        text = render(pem, legacy=options["legacy"])
        if path:
            _keep(path, pem)
        if output:
            try:
                output.write_text(text, encoding="utf-8")
            except OSError:
                if path:  # no manifest has it yet, and it would prevent another try
                    path.unlink()
                raise
            self.stderr.write(f"The manifest is in {output}.")
        else:
            self.stdout.write(text)
        if path:
            self.stderr.write(
                f"The private key is in {path}: set BENCHLING_PRIVATE_KEY_FILE={path.resolve()}"
            )


def template() -> Path:
    """Return the path of the manifest's template: in the checkout, or as it was installed."""
    in_checkout = Path(settings.BASE_DIR) / TEMPLATE
    if in_checkout.exists():
        return in_checkout
    return Path(get_path("data")) / "share" / "registry-sync" / TEMPLATE


def render(private_key: str, *, legacy: bool = False) -> str:
    """Return the manifest as YAML, with the public half of a private key.

    Legacy and validated-cloud tenants need `settings.lifecycleManagement` and do not know
    versions. https://docs.benchling.com/docs/getting-started-benchling-apps
    """
    try:
        manifest = yaml.safe_load(template().read_text(encoding="utf-8"))
        manifest["security"]["publicKey"] = Text(_public_half(private_key))
        if legacy:
            manifest["info"].pop("version", None)
            manifest["settings"] = {"lifecycleManagement": "MANUAL"}
            manifest.pop("subscriptions", None)
            manifest["features"] = [
                {key: feature[key] for key in ("name", "id", "type")}
                for feature in manifest["features"]
            ]
        elif not ("version" in manifest["info"] and "subscriptions" in manifest):
            raise KeyError("version")  # a legacy manifest once written over the template
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(
            f"{template()} is not the template that came with the service: parts of it are "
            "missing. The operator must restore it (git checkout manifest.yaml, or install the "
            "package again).",
        ) from error
    return yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=100)


def _refuse_to_overwrite(output: Path, new_key: Path | None) -> None:
    """Raise CommandError if --output is the template or a private key: neither is recoverable."""
    if _same(output, template()):
        raise CommandError(
            f"{output} is the template for manifests. Choose another file: --output "
            "registry-sync.yaml",
            returncode=USAGE,
        )
    if new_key is not None and _same(output, new_key):
        raise CommandError(
            f"--new-key and --output both name {output}. Choose another file for the manifest: "
            "--output registry-sync.yaml",
            returncode=USAGE,
        )
    if output.is_file() and b"PRIVATE KEY-----" in output.read_bytes():
        raise CommandError(
            f"{output} contains a private key, which is never overwritten. Choose another file: "
            "--output registry-sync.yaml",
            returncode=USAGE,
        )


def _same(path: Path, other: Path) -> bool:
    if path.exists() and other.exists():
        return path.samefile(other)  # also by a link, or in another case on a case-insensitive disk
    return path.resolve() == other.resolve()


def _new_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode()


def _keep(path: Path, pem: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise CommandError(
            f"{path} exists. A key in use is never overwritten: choose another file."
        ) from error
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(pem)


def _public_half(private_key: str) -> str:
    key = serialization.load_pem_private_key(private_key.encode(), password=None)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return public.decode()
