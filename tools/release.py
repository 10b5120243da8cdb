"""`make release`: what is given to an operator, in dist/.

The wheels of the service and of the sandbox, the source distribution, a bill of materials
(CycloneDX), the licenses of all dependencies, what an index of advisories says about them, the
locks and SHA256SUMS. docs/deployment.md describes it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from registry_sync import __version__

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LOCKS = ("requirements.lock", "requirements-chem.lock", "requirements-otel.lock")
PINNED = re.compile(r"^([A-Za-z0-9][^ \\#]*==[^\\#]+?)\s*\\?$", re.MULTILINE)
NOT_AUDITED = """
*** NOT AUDITED: {reason}
*** Nothing is known about vulnerabilities of the dependencies. Build the release where an index
*** with advisories (https://pypi.org) answers, or pass ARGS=--without-audit to go on without.
"""


class Refused(SystemExit):
    """There is no release; the message says why."""


def locked() -> list[Requirement]:
    """Return every dependency of the service that is locked for this Python and platform."""
    text = "".join((ROOT / name).read_text("utf-8") for name in LOCKS)
    found = {str(each): each for each in map(Requirement, PINNED.findall(text))}
    return [each for each in found.values() if each.marker is None or each.marker.evaluate()]


def build(dist: Path) -> None:
    """Build the two wheels and the source distribution."""
    uv = [BIN / "uv", "build", "--quiet", "--no-build-isolation", "--no-create-gitignore"]
    _run([*uv, "--python", sys.executable, "--out-dir", dist, ROOT])
    _run([*uv, "--python", sys.executable, "--wheel", "--out-dir", dist, ROOT / "sandbox"])
    for left in ("build", "sandbox/build", *ROOT.glob("*.egg-info"), *ROOT.glob("*/*.egg-info")):
        shutil.rmtree(ROOT / left, ignore_errors=True)
    wrong = [path.name for path in dist.iterdir() if f"-{__version__}" not in path.name]
    if wrong:
        raise Refused(f"These have another version than {__version__}: {', '.join(wrong)}.")


def write_bill(dist: Path, *, validated: bool = True) -> Path:
    """Write the bill of materials of the locked dependencies, with their hashes.

    It is validated by CycloneDX's schema, which takes ten seconds.

    https://cyclonedx.org/docs/1.6/json/
    """
    path = dist / f"registry_sync-{__version__}.cdx.json"
    locks = "".join((ROOT / name).read_text("utf-8") for name in LOCKS)
    words = [BIN / "cyclonedx-py", "requirements", "--pyproject", ROOT / "pyproject.toml",
             "--output-reproducible",
             "--validate" if validated else "--no-validate",
             "--of", "JSON", "-o", path, "-"]  # fmt: skip
    _run(words, given=locks)
    bill = json.loads(path.read_text("utf-8"))
    bill["metadata"]["component"]["version"] = __version__  # pyproject.toml has it by reference
    path.write_text(json.dumps(bill, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return path


def write_licenses(dist: Path) -> Path:
    """Write the license of each locked dependency. Raise Refused where one is not known."""
    names = [each.name for each in locked()]
    words = [BIN / "pip-licenses", "--python", sys.executable, "--format", "json", "--with-urls",
             "--packages", *names]  # fmt: skip
    found = json.loads(_run(words))
    missing = {_plain(name) for name in names} - {_plain(each["Name"]) for each in found}
    unknown = [each["Name"] for each in found if each["License"] == "UNKNOWN"]
    if missing or unknown:
        raise Refused(f"No license is known of: {', '.join([*sorted(missing), *unknown])}.")
    rows = [f"| {e['Name']} | {e['Version']} | {e['License']} | {e['URL']} |" for e in found]
    path = dist / "LICENSES.md"
    heads = ["# Licenses of the dependencies", "", "| package | version | license | where |",
             "| --- | --- | --- | --- |"]  # fmt: skip
    path.write_text("\n".join([*heads, *rows]) + "\n", "utf-8")
    return path


def audit() -> str:
    """Return why nothing is known about the dependencies' vulnerabilities, "" if it is known.

    Raise Refused if a dependency has one.
    """
    reasons = []
    for lock in LOCKS:
        words = [BIN / "pip-audit", "--disable-pip", "--require-hashes", "-r", ROOT / lock,
                 "--format", "json", "--progress-spinner", "off", "--timeout", "15"]  # fmt: skip
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
        reasons.append(judge(done.stdout, done.stderr))
    return next(filter(None, reasons), "")


def judge(answer: str, said: str) -> str:
    """Return why pip-audit's answer says nothing, "" if it says that all is well.

    A dependency that the index does not have is skipped, and pip-audit is content with that.
    Raise Refused if a dependency has a known vulnerability.
    """
    try:
        found: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        return (said.strip().splitlines() or ["pip-audit wrote nothing"])[-1][:300]
    bad = [
        f"{each['name']} {each['version']}: {', '.join(v['id'] for v in each['vulns'])}"
        for each in found
        if each.get("vulns")
    ]
    if bad:
        raise Refused("Known vulnerabilities:\n" + "\n".join(bad))
    skipped = [each["name"] for each in found if "skip_reason" in each]
    if not skipped:
        return ""
    return f"the index has no advisories for {len(skipped)} of {len(found)} dependencies."


def copy_locks(dist: Path) -> None:
    """Copy what `pip install --require-hashes` installs the dependencies from."""
    for name in LOCKS:
        shutil.copy(ROOT / name, dist)


def write_sums(dist: Path) -> None:
    """Write SHA256SUMS, for `sha256sum --check`."""
    files = sorted(path for path in dist.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (dist / "SHA256SUMS").write_text("".join(lines), "utf-8")


def main(words: Sequence[str] | None = None) -> None:
    """Make a release."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("--without-audit", action="store_true", help="go on without advisories")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where it is written")
    options = parser.parse_args(words)
    dist: Path = options.dist
    reason = audit()
    if reason:
        print(NOT_AUDITED.format(reason=reason), file=sys.stderr)
        if not options.without_audit:
            raise Refused(1)
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    build(dist)
    copy_locks(dist)
    write_bill(dist)
    write_licenses(dist)
    if reason:
        (dist / "NOT-AUDITED.txt").write_text(f"Vulnerabilities: not audited, {reason}\n", "utf-8")
    write_sums(dist)
    print("".join(f"{path.name}\n" for path in sorted(dist.iterdir())), end="")


def _run(words: Sequence[Path | str], given: str = "") -> str:
    env = os.environ | {"PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [str(word) for word in words], input=given, capture_output=True, text=True, env=env,
        cwd=ROOT, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Refused(f"{Path(words[0]).name} failed: {(done.stderr or done.stdout)[-1500:]}")
    return done.stdout


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
