"""What can be set for `app`?"""

from __future__ import annotations

from dataclasses import dataclass

from affect_workbench.workbench.interface.fields import option


@dataclass(frozen=True)
class AppSettings:
    """Open the app in the browser, on the newest run or on a given one."""

    run: str = option("", "run folder, or folder of an overlap, to open", positional=True)
    runs: str = option("runs", "folder to look for runs in")
    labels: str = option("labels", "folder to look for label folders in")
    port: int = option(8501, "port of the local server")
    headless: bool = option(False, "do not open a browser")
