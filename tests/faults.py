"""What the fault tests did to stores, as a table: `python -m tests.faults` runs them (twenty minutes) and writes docs/reliability.md.

`python -m tests.faults FILE` makes the table of what was noted with XBENCH_FAULTS=FILE, without running anything.
"""

import json
import os
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: made by python -m tests.faults -->", "<!-- end of faults -->"
TESTS = [
    "tests/test_faults.py",
    "tests/test_compact.py",
    "tests/test_retract.py",
    "tests/test_verify.py",
    "tests/test_ingest.py",
    "tests/test_training.py",
]
ORDER = (
    "kill -9", "disk full", "read-only folder", "truncated file", "flipped bit", "damaged file", "foreign file", "clock set back", "answer lost",
    "two at once", "many at once", "another format", "out of memory", "loss that is NaN", "CUDA absent",
)  # fmt: skip


def table(noted: list[dict[str, str]]) -> str:
    """A markdown table; what was done in several ways with one message is one row for each way."""
    rows = sorted({tuple(str(n[c]) for c in ("fault", "where", "times", "lost", "half_seen", "said")) for n in noted})
    rows.sort(key=lambda row: ORDER.index(row[0]))
    lines = ["| fault | where | how often | lost | seen half | what is said |", "|---|---|---|---|---|---|"]
    for fault, group in groupby(rows, key=lambda row: row[0]):
        for number, row in enumerate(group):
            cells = ["" if number else fault, *row[1:]]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def main() -> int:
    code = 0
    if len(sys.argv) > 1:
        content = Path(sys.argv[1]).read_text(encoding="utf-8")
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "faults"
            path.touch()
            command = [sys.executable, "-m", "pytest", "-q", *TESTS, "-m", "slow or not slow"]
            code = subprocess.run(command, env={**os.environ, "XBENCH_FAULTS": str(path)}, check=False).returncode
            content = path.read_text(encoding="utf-8")
    noted = [json.loads(line) for line in content.splitlines()]
    if missing := set(ORDER) - {n["fault"] for n in noted}:
        sys.stderr.write(f"nothing was noted of: {', '.join(sorted(missing))}\n")
        code = code or 1
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table(noted)}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
