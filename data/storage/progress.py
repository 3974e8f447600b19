"""When does a long step draw a progress bar? Where somebody can see it: at a terminal, in a notebook, in the app."""

from __future__ import annotations

import os
import sys
from typing import Any

from tqdm import tqdm

WATCHED_VARIABLE = "AFFECT_WORKBENCH_PROGRESS"
"""Set to 1 by a program that reads the bars of a command from its standard error."""


def progress_bar(*items: Any, progress: bool = True, **look: Any) -> tqdm[Any]:
    """A bar on standard error that goes when it is done; a log file or a pipe gets none.

    Args:
        items: what is gone through, if anything.
        progress: False for a caller who wants no bar anywhere.
        look: for `tqdm`.
    """
    return tqdm(*items, disable=not (progress and _watched()), **{"leave": False, **look})


def _watched() -> bool:
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal or "ipykernel" in sys.modules or os.environ.get(WATCHED_VARIABLE) == "1"
