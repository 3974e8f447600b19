"""What can be said to the commands that take a finished run: compare, selftest, review, label, report, app?"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.settings import fields
from workbench.settings.fields import option


@dataclass(frozen=True)
class CompareSettings:
    """Compare two models or versions on the same pictures: which skews grew, which shrank, which pictures flipped."""

    run_a: str = option("", "run folder of the first, usually what is in use", required=True, positional=True)
    run_b: str = option("", "run folder of the second, usually what shall replace it", required=True, positional=True)
    out: str = option("", "folder to write compare.html and its tables to", required=True, short="-o")
    fail_on: str = option("", "worse: exit with 1 when a skew grew; worse:0.05: when it surely grew by over 5 points")
    overwrite: bool = fields.overwrite()


@dataclass(frozen=True)
class SelftestSettings:
    """Deal a run's predictions out at random and say how often the audit's own rules then raise an alarm."""

    run: str = fields.finished_run()
    times: int = option(200, "how often to deal out")
    within: tuple[str, ...] = option((), "columns that predictions stay within, e.g. the data set, with commas")
    seed: int = option(0, "seed of the deals")


@dataclass(frozen=True)
class ReviewSettings:
    """List what people decided about the findings of a run, and which skews nobody has reviewed yet."""

    run: str = fields.finished_run()
    history: bool = option(False, "list every decision that was ever made, not only those that count")
    out: str = option("", "CSV file to write them to as well", short="-o")


@dataclass(frozen=True)
class LabelSettings:
    """Draw pictures that people shall label, so that skews of an inferred attribute can be calibrated; the app asks them."""

    run: str = option("", "run folder of an audit with --concepts", required=True, positional=True)
    concept: str = option("", "the concept; not needed where the run has one only")
    out: str = option("", "label folder to write; labels/CONCEPT when not given", short="-o")
    size: int = option(600, "pictures to ask about; 200 answers are needed, 600 make most skews sure to 2 points")
    seed: int = option(0, "seed of the draw")


@dataclass(frozen=True)
class ReportSettings:
    """Write the HTML report of a finished audit again."""

    run: str = fields.finished_run()
    out: str = option("", "HTML file to write; the run's report.html when not given", short="-o")


@dataclass(frozen=True)
class AppSettings:
    """Open the app on the newest run, or on one run, in the browser."""

    run: str = option("", "run folder to open, or the folder of an overlap", positional=True)
    runs: str = option("runs", "folder to look for runs in")
    labels: str = option("labels", "folder to look for label folders in")
    port: int = option(8501, "port of the local server")
    headless: bool = option(False, "do not open a browser")
