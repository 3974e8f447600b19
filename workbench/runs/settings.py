"""What can be said to the commands that take a finished run: compare, selftest, review, label, report, app?"""

from __future__ import annotations

from dataclasses import dataclass

from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option


@dataclass(frozen=True)
class ReviewSettings:
    """List what people decided about the findings of a run, and which skews nobody has reviewed yet."""

    run: str = fields.finished_run()
    history: bool = option(False, "list every decision that was ever made, not only those that count")
    out: str = option("", "CSV file to write them to as well", short="-o")


@dataclass(frozen=True)
class ReportSettings:
    """Write the HTML report of a finished audit again."""

    run: str = fields.finished_run()
    out: str = option("", "HTML file to write; the run's report.html when not given", short="-o")
