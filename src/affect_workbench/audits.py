"""What is an audit in a notebook? A frozen result that shows, plots and saves itself.

Tables are handed out as copies: what is done to them changes no result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.cards import MOST_SENTENCES, Card, Pieces, Shown, unmirrored
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.taxonomy import Taxonomy, closest
from affect_workbench.keywords import in_python, path_of, python_errors

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from affect_workbench.workbench.runs.reviews import Review

PLOTS = ("forest", "heat_map", "split", "pull", "map")
"""What `Audit.plot` draws."""


@dataclass(frozen=True, repr=False, eq=False)
class Audit(Shown):
    """What an audit found; `affect_workbench.audit` makes one, `affect_workbench.load` opens a saved one.

    Attributes:
        result: the audit as the analyses return it.
        reviews: what people decided about its findings, where it was opened from a run folder.
    """

    result: AuditResult
    reviews: tuple[Review, ...] = ()

    @property
    def findings(self) -> pd.DataFrame:
        """One row a (slice, emotion), ranked: rates and differences as shares, `p`, `q`, `verdict` (see `Finding`).

        The verdict is one of skewed, equivalent, undetermined, too small; `effect` is the rate in the slice minus that of
        its complement, with the 95 % interval `low`, `high`.
        """
        return self.result.findings.copy()

    @property
    def outcomes(self) -> pd.DataFrame:
        """One row a (slice, outcome), ranked, in the outcome's own units; empty where no outcome was asked for."""
        return self.result.outcomes.copy()

    @property
    def slices(self) -> pd.DataFrame:
        """One row a slice: its conditions `where`, `order`, `n` and `n_complement` pictures."""
        return self.result.slices.copy()

    @property
    def samples(self) -> pd.DataFrame:
        """One row a picture: what was known of it, `predicted`, `audit_agreement` (share of votes, 0 to 1), its margin."""
        return self.result.samples.copy()

    @property
    def excluded(self) -> pd.DataFrame:
        """What was left out: `what`, `name`, `n`, `reason`."""
        return self.result.excluded.assign(reason=self.result.excluded["reason"].map(in_python))

    @property
    def causes(self) -> pd.DataFrame:
        """One row a cause, from which the other skews follow; *new* ones first (`analyses.skew.causes.table`)."""
        return self.result.causes.copy()

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables of the additional analyses, for `table`."""
        return tuple(sorted(self.result.tables))

    @property
    def taxonomy(self) -> Taxonomy:
        """The `k` labels."""
        return self.result.taxonomy

    @property
    def headline(self) -> str:
        """The outcome in one sentence."""
        return self.result.headline

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known before any number is read."""
        from affect_workbench.workbench.report.system.section import read_first

        return tuple(map(in_python, read_first(self.result)))

    def table(self, name: str) -> pd.DataFrame:
        """A table of the additional analyses, by one of the names in `tables`.

        Raises:
            ValueError: no such table (the nearest names).
        """
        if name not in self.result.tables:
            raise ValueError(f"this audit has no table {name!r}: {closest(name, self.tables)}")
        return self.result.tables[name].copy()

    def skewed(self, *, explained: bool = True) -> pd.DataFrame:
        """The findings that differ, beyond chance and by more than the tolerance; of numbers alone, the outcomes that do.

        Args:
            explained: also what follows from a cause, or of numbers from a wider slice.
        """
        table = self.result.findings if self.result.has_predictions else self.result.outcomes
        found = table[table["verdict"] == "skewed"]
        return (found if explained else found[on_its_own(found)]).copy()

    def sentences(self, *, most: int = MOST_SENTENCES) -> tuple[str, ...]:
        """The skewed findings that stand on their own, the first `most`, each in a sentence."""
        return tuple("".join(text for text, _ in sentence) for sentence in self._sentences(most))

    @python_errors()
    def plot(self, kind: str = "forest") -> go.Figure:
        """A plotly figure of the audit.

        Args:
            kind: `forest` (effects with their 95 % intervals, in points), `heat_map` (slices by emotions), `split` (how much
                of a skew is in the labels already), `pull` (how much nearer slices lie to each label), `map` (the pictures).
                Of numbers alone there is only `forest`, in standard deviations.

        Raises:
            ValueError: no such kind, or this audit has not what it draws (what that is).
        """
        from affect_workbench.workbench.report.figures import findings
        from affect_workbench.workbench.report.figures.map import picture_map
        from affect_workbench.workbench.report.outcomes.html import outcome_forest

        drawers: dict[str, Callable[[AuditResult], go.Figure | None]]
        drawers = {name: getattr(findings, name) for name in PLOTS if name != "map"} | {"map": picture_map}
        if not self.result.has_predictions:
            drawers = {"forest": outcome_forest}
        if kind not in PLOTS:
            raise ValueError(f"no plot {kind!r}: {closest(kind, PLOTS)}")
        if kind not in drawers:
            raise ValueError(f"plot {kind!r} draws predictions, and numbers alone were compared: use plot('forest')")
        figure = drawers[kind](self.result)
        if figure is None:
            lacking = {"split": "skewed finding with labels or votes", "pull": "distance to the labels", "map": "map"}
            raise ValueError(f"plot {kind!r} has nothing to draw: this audit has no {lacking.get(kind, 'finding')}")
        return figure

    @python_errors()
    def save(self, folder: Path | str, *, overwrite: bool = False) -> Path:
        """Writes a run folder as `workbench audit` does, with its report; it appears whole or not at all. Returns its path.

        `load` opens it again, and so does `workbench app`.

        Args:
            folder: where to.
            overwrite: replace a run that is there; what people decided about it is kept.

        Raises:
            TypeError: no path.
            FileExistsError: the folder exists and `overwrite` is False.
        """
        from affect_workbench.workbench.audit.exports.findings import audit_findings, write_findings
        from affect_workbench.workbench.report.html import report_html
        from affect_workbench.workbench.runs.gate import audit_gate
        from affect_workbench.workbench.runs.reviews import carried_reviews, merged
        from affect_workbench.workbench.runs.store import save_audit

        target = path_of(folder, keyword="folder")
        reviews = merged(self.reviews, carried_reviews(target))
        save_audit(
            self.result,
            target,
            report=report_html(self.result, reviews=reviews),
            beside=partial(write_findings, audit_findings(self.result, audit_gate(""))),
            reviews=reviews,
            overwrite=overwrite,
        )
        return target

    def _own(self, *, mirrored: bool = True) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Findings and outcomes that are skewed and repeat no wider slice; or also no mirror image of another."""
        tables = (self.result.findings, self.result.outcomes)
        findings, outcomes = (one[(one["verdict"] == "skewed") & on_its_own(one)] for one in tables)
        return (findings, outcomes) if mirrored else (unmirrored(findings, "emotion"), unmirrored(outcomes, "outcome"))

    def _sentences(self, most: int, *, mirrored: bool = True) -> list[Pieces]:
        from affect_workbench.workbench.report.first_page.headline import caveats, differing_strata
        from affect_workbench.workbench.report.outcomes.sentences import outcome_sentence
        from affect_workbench.workbench.report.sentences import finding_sentence

        result, strata = self.result, differing_strata(self.result)
        findings, numbers = self._own(mirrored=mirrored)
        said: list[Pieces] = [
            finding_sentence(row, truth=result.run.truth, caveats=caveats(result, row, strata=strata))
            for row in findings.head(most).itertuples()
        ]
        return [*said, *(outcome_sentence(row) for row in numbers.head(most - len(said)).itertuples())]

    def _card(self) -> Card:
        from affect_workbench.workbench.report.first_page.headline import headline_sentences

        result, shown = self.result, tuple(self._sentences(MOST_SENTENCES, mirrored=False))
        every, once = (sum(map(len, self._own(mirrored=mirrored))) for mirrored in (True, False))
        more = once - len(shown)
        left = f"{more:,} more in .skewed() or .outcomes; " if more else ""
        rows = ".findings" if result.has_predictions else ".outcomes"
        return Card(
            f"Audit of {result.run.pictures:,} pictures by {', '.join(result.run.attributes)}",
            self.headline,
            headline_sentences(result),
            shown,
            f"{left}{rows} has every pair, .plot() draws them, .to_html(path) writes the report.",
            self.notes,
            every - once,
            self._aside(),
        )

    def _aside(self) -> str:
        excluded = self.result.excluded
        names = excluded.loc[excluded["what"] == "attribute", "name"]
        if names.empty:
            return ""
        return f"{plural(len(names), 'column was', 'columns were')} left aside: {named(names)} (.excluded says why)."

    def _page(self) -> str:
        from affect_workbench.workbench.report.html import report_html

        return report_html(self.result, reviews=self.reviews)
