"""What tests share: worlds, registries, deployments, people, rows."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""
