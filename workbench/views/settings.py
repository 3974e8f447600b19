"""What can be set for `app`?"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from affect_workbench.workbench.interface.fields import option, path_option

RUNS_VARIABLE, LABELS_VARIABLE = "WORKBENCH_RUNS", "WORKBENCH_LABELS"
RUN_VARIABLE, OVERLAP_VARIABLE, MODEL_VARIABLE = "WORKBENCH_RUN", "WORKBENCH_OVERLAP", "WORKBENCH_MODEL"
"""Environment variables that tell the app where to look, and what it was asked to open."""
VARIABLE_OF_RECORD = MappingProxyType(
    {"audit.json": RUN_VARIABLE, "overlap.json": OVERLAP_VARIABLE, "attach.json": MODEL_VARIABLE, "ask.json": MODEL_VARIABLE}
)
"""The record in a folder -> the variable that opens it."""


@dataclass(frozen=True)
class AppSettings:
    """Open the app in the browser, on the newest run or on a given one."""

    run: str = option("", "run folder to open, or a folder of overlap, ask or attach", positional=True)
    runs: str = path_option("runs", "folder to look for runs in")
    labels: str = path_option("labels", "folder to look for label folders in")
    port: int = option(8501, "port of the local server")
    headless: bool = option(False, "do not open a browser")
