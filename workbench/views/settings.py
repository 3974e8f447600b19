"""What can be set for `app`, and which folders can it open?"""

from __future__ import annotations

from dataclasses import dataclass

from affect_workbench.workbench.interface.fields import option, path_option

RUN_VARIABLE, RUNS_VARIABLE, LABELS_VARIABLE = "WORKBENCH_RUN", "WORKBENCH_RUNS", "WORKBENCH_LABELS"
"""Environment variables that tell the app what it was asked to open, and where to look for more."""


@dataclass(frozen=True)
class Kind:
    """A kind of folder that a command writes and the app opens.

    Attributes:
        record: the file that such a folder holds.
        words: what it is called.
        command: what writes it.
        page: what shows it, under `views/pages`.
        outcome: the key of the record that says in a line what came of it.
    """

    record: str
    words: str
    command: str
    page: str
    outcome: str = "headline"


AUDIT = Kind("audit.json", "audit", "audit", "audit/overview.py")
COMPARISON = Kind("comparison.json", "comparison of two audits", "compare", "audit/comparison.py")
DISCOVERY = Kind("discover.json", "discovery", "discover", "audit/discovered.py")
EVALUATION = Kind("evaluation.json", "evaluation of a probe", "evaluate", "model/evaluation.py")
ANCHORS = Kind("anchors.json", "label anchors", "anchors", "model/anchors.py")
ATTACHED = Kind("attach.json", "answers and places of a model", "attach", "model/model.py", "model")
ASKED = Kind("ask.json", "answers of a model", "ask", "model/model.py", "model")
OVERLAP = Kind("overlap.json", "overlap of data sets", "overlap", "data/duplicates.py")
LABELS = Kind("queue.json", "pictures to label", "label", "people/label.py", "question")
KINDS = (AUDIT, COMPARISON, DISCOVERY, EVALUATION, ANCHORS, ATTACHED, ASKED, OVERLAP, LABELS)
START = "start.py"
"""The page that lists folders of every kind."""


@dataclass(frozen=True)
class AppSettings:
    """Open the app in the browser: on the newest audit, on a given folder of any kind, or on a list of runs."""

    run: str = option(
        "",
        "folder to open: of audit, compare, discover, evaluate, anchors, ask, attach, overlap or label, or a folder of runs",
        positional=True,
    )
    runs: str = path_option("runs", "folder to look for runs in")
    labels: str = path_option("labels", "folder to look for label folders in")
    port: int = option(8501, "port of the local server")
    headless: bool = option(False, "do not open a browser")
