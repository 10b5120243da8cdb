"""The limits of `make metrics`: what it measures is measured rightly, and no limit is passed."""

from __future__ import annotations

import pytest

from tools import metrics

pytestmark = pytest.mark.once


def test_no_limit_is_passed() -> None:
    assert metrics.faults() == []


def test_the_share_that_a_percentile_covers() -> None:
    assert [metrics.percentile(range(1, 11), share) for share in (50, 90, 99, 100)] == [
        5,
        9,
        10,
        10,
    ]
    assert metrics.percentile([7], 50) == 7


def test_what_is_measured_is_there() -> None:
    lengths = metrics.lengths_of_modules()
    assert lengths["registry_sync/sync/pipeline.py"] <= 150
    assert not any("/migrations/" in name for name in lengths)
    assert {"core", "sync", "admin"} <= set(metrics.rooms())


def test_a_late_attribute_is_found(tmp_path, monkeypatch) -> None:
    module = tmp_path / "registry_sync" / "late.py"
    module.parent.mkdir()
    module.write_text(
        "class Base:\n    inherited: int\n\n"
        "class Late(Base):\n"
        "    declared = 0\n\n"
        "    def __init__(self):\n        self.early = 1\n\n"
        "    def work(self):\n"
        "        self.early = self.declared = self.inherited = 2\n"
        "        self.late, other = 3, 4\n"
    )
    monkeypatch.setattr(metrics, "ROOT", tmp_path)
    monkeypatch.setattr(metrics, "SERVICE", module.parent)
    assert metrics.late_attributes() == ["registry_sync/late.py:12 Late.late"]
