"""Checks a coverage report in JSON against the floors in pyproject.toml: one for the whole, 100 % for the pure modules."""

import json
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any


def shortfalls(report: dict[str, Any], whole: float, pure: list[str]) -> list[str]:
    """What is below its floor, one line each; `pure` are patterns of paths, each of which must match something."""
    files = {path: file["summary"]["percent_covered"] for path, file in report["files"].items()}
    total = report["totals"]["percent_covered"]
    found = [f"the whole: {total:.1f} %, not {whole} %"] if total < whole else []
    for pattern in pure:
        matching = {path: covered for path, covered in files.items() if fnmatch(path, pattern)}
        found += [f"{path}: {covered:.1f} %, not 100 %" for path, covered in matching.items() if covered < 100]  # noqa: PLR2004
        found += [] if matching else [f"{pattern}: no such file was measured"]
    return found


def main(report: Path) -> int:
    """Prints what is below its floor; returns the exit code."""
    floors = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["duebell"]["coverage"]
    measured = json.loads(report.read_text(encoding="utf-8"))
    found = shortfalls(measured, floors["whole"], floors["pure"])
    print(*(f"coverage: {line}" for line in found), sep="\n", file=sys.stderr, end="\n" if found else "")
    print(f"coverage with branches: {measured['totals']['percent_covered']:.1f} % of the whole")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
