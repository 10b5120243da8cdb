"""Why work waits: each reason has a code, which is stored, and a phrase, which is shown."""

from __future__ import annotations

from typing import Self


class WaitReason(str):
    """A phrase that completes "Waiting for …", with the code that a waiting run keeps.

    Faces find more words for a code in the catalogue of causes.
    """

    code: str

    def __new__(cls, code: str, phrase: str) -> Self:
        reason = super().__new__(cls, phrase)
        reason.code = code
        return reason


OBJECT_LIMIT = WaitReason("object_limit", "Benchling's hourly object limit")
REQUEST_LIMIT = WaitReason("request_limit", "Benchling's request limit")
REGISTRATION_LOCK = WaitReason("registration_lock", "another registration in Benchling")
TASK_RUNNING = WaitReason("task_running", "a task that Benchling has not finished yet")
EARLIER_TASK = WaitReason("earlier_task", "a task of an earlier run")
NEW_API_KEY = WaitReason("new_api_key", "the new API key to take effect")
CONFIGURATION_CHANGED = WaitReason("configuration_changed", "the new configuration to take effect")
FIELD_KEYS = WaitReason("field_keys", "another attempt, with fields by id")


def own_limit(per_hour: int) -> WaitReason:
    """Return the reason of a run that has used this app's own limit of objects per hour."""
    noun = "object" if per_hour == 1 else "objects"
    return WaitReason("own_limit", f"this app's own limit of {per_hour:,} {noun} per hour")


def turn_after(holder: str) -> WaitReason:
    """Return the reason of a run that waits until another one has written its batch."""
    return WaitReason("turn", f"its turn to write to Benchling, after {holder}")


def wait_code(reason: str) -> str:
    """Return the code of a reason to wait, "" where it has none."""
    return reason.code if isinstance(reason, WaitReason) else ""
