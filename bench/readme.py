"""Do the commands of README and docs print what stands beneath them there, to the digit?

Every block of commands that another block follows is run, a page at a time, in the page's order and in an empty folder, and
the lines of standard output are compared with that block. `make demo` stands for `workbench demo`. Exits with 1 where a line
differs.
"""

from __future__ import annotations

import argparse
import difflib
import itertools
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
Example = tuple[list[str], list[str]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="commands with this text only")
    given = parser.parse_args()
    pages = {page: [one for one in examples(page) if given.only in "\n".join(one[0])] for page in pages_with_examples()}
    if not any(pages.values()):
        sys.exit(f"no example of the pages has {given.only!r} in its command")
    return int(sum(differs(page, chosen) for page, chosen in pages.items() if chosen) > 0)


def pages_with_examples() -> Iterator[Path]:
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").glob("*.md"))


def differs(page: Path, chosen: list[Example]) -> bool:
    """Runs the examples of one page and says of each whether it printed what the page says."""
    differing = False
    with tempfile.TemporaryDirectory(prefix="readme-") as folder:
        place = Path(folder) / "checkout"
        place.mkdir()
        if SHARED.exists():
            (Path(folder) / "shared").symlink_to(SHARED)
        for commands, expected in chosen:
            if not SHARED.exists() and any("../shared" in command for command in commands):
                print(f"left out, its data are not there: {commands[0]}")
                continue
            lines = [line for command in commands for line in printed(command, place)]
            changes = list(difflib.unified_diff(expected, lines, page.name, "printed", lineterm="", n=0))
            print("\n".join([f"{'differs' if changes else 'as printed'}: {'; '.join(commands)}", *changes]), flush=True)
            differing |= bool(changes)
    return differing


def examples(page: Path) -> list[Example]:
    """Commands of a page, and the lines that it says they print."""
    text = page.read_text(encoding="utf-8")
    blocks = [
        (match.start(), match.end(), match[1].splitlines()) for match in re.finditer(r"^```\n(.*?)^```$", text, re.M | re.S)
    ]
    found = []
    for (_, end, block), (start, _, following) in itertools.pairwise(blocks):
        commands = [line.partition("  #")[0].strip() for line in block]
        alone = all(line.startswith("workbench ") for line in commands) and "..." not in "".join(commands)
        between = text[end:start].strip()
        if alone and not between and not following[0].startswith("workbench "):
            found.append((commands, following))
    demo = re.search(r"^`make demo` prints this.*?^```\n(.*?)^```$", text, re.M | re.S)
    return found + ([(["workbench demo"], demo[1].splitlines())] if demo else [])


def printed(command: str, place: Path) -> list[str]:
    """Lines of standard output; a command that fails says so in their place."""
    words = [sys.executable, "-m", "affect_workbench", *command.split()[1:]]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200"}
    ended = subprocess.run(words, cwd=place, capture_output=True, text=True, env=environment)
    lines = ended.stdout.splitlines()
    return lines if not ended.returncode else [*lines, f"exit code {ended.returncode}: {ended.stderr.strip()[-400:]}"]


if __name__ == "__main__":
    sys.exit(main())
