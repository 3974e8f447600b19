"""Does the README's Python do what it says, as it stands there?"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_ten_lines_of_python_run_in_an_empty_folder(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 1
    done = subprocess.run([sys.executable, "-c", blocks[0]], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "(slice, emotion) pairs are skewed" in done.stdout
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_every_module_has_its_line_in_the_tree() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = readme[readme.index("## The code") : readme.index("## Where the numbers come from")]
    modules = [path for package in ("data", "probes", "analyses", "workbench") for path in (ROOT / package).glob("*.py")]
    assert [path.name for path in modules if path.name not in tree and path.name not in ("__init__.py", "config.py")] == []
