"""How does a report come onto paper? Chromium prints it; the page itself says what stands on paper."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from affect_workbench.data.storage.atomic import write_bytes

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE = 180
"""Seconds until a browser that does not answer is given up."""
_DRAWING = 20_000
"""Milliseconds that the page has, of its own clock, to draw its figures."""


def chromium() -> str:
    """The browser that prints.

    Raises:
        FileNotFoundError: there is none.
    """
    for name in NAMES:
        if found := shutil.which(name):
            return found
    raise FileNotFoundError(
        f"no Chromium to make a PDF with (looked for {', '.join(NAMES)}): install it, or open the report in any browser and "
        "print it from there"
    )


def write_pdf(page: Path, target: Path, *, browser: str, everything: bool = False) -> None:
    """Prints an HTML report on A4.

    Args:
        page: the report.
        target: the PDF; folders above it are made.
        browser: of `chromium`.
        everything: all of the report, else its first page.

    Raises:
        OSError: the browser made none.
    """
    address = page.resolve().as_uri() + ("#everything" if everything else "")
    with TemporaryDirectory() as folder:
        made = Path(folder) / "report.pdf"
        words = [browser, "--headless", "--disable-gpu", f"--user-data-dir={folder}/profile", "--no-pdf-header-footer"]
        # Chromium refuses to run as root within its sandbox; the page is our own, and its policy lets nothing in or out.
        words += ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        words += [f"--virtual-time-budget={_DRAWING}", f"--print-to-pdf={made}", address]
        try:
            done = subprocess.run(words, capture_output=True, timeout=_PATIENCE, check=False)
            said = done.stderr.decode(errors="replace").strip().splitlines()
        except subprocess.TimeoutExpired:
            said = [f"no answer within {_PATIENCE} seconds"]
        if not made.is_file():
            raise OSError(f"{browser} made no PDF of {page}: {said[-1] if said else 'it said nothing'}")
        write_bytes(target, made.read_bytes())
