"""What can be set for the commands that take a finished run: review, report?"""

from __future__ import annotations

from dataclasses import dataclass

from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option, path_option


@dataclass(frozen=True)
class ReviewSettings:
    """List the review decisions about the findings of a run, and the skews that nobody has reviewed yet."""

    run: str = fields.finished_run()
    history: bool = option(False, "list every decision ever made, not only the current ones")
    out: str = path_option("", "CSV file to write them to as well", short="-o")


@dataclass(frozen=True)
class ReportSettings:
    """Write the report of a finished audit again, as HTML or for paper."""

    run: str = fields.finished_run()
    out: str = path_option("", "HTML file to write; default: the run's report.html", short="-o")
    pictures: bool = option(True, "show pictures (else they are only named, for data that must not leave the house)")
    pdf: str = path_option("", "PDF file to write as well: the first page of the report on A4 (needs Chromium)")
    everything: bool = option(False, "with --pdf: all of the report, not its first page only")
