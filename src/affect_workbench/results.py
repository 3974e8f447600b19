"""What do the functions for notebooks return? Frozen results that show, plot and save themselves.

Tables are handed out as copies: what is done to them changes no result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.cards import Card, Pieces
from affect_workbench.data.storage.atomic import write_text
from affect_workbench.data.taxonomies.taxonomy import Taxonomy, closest
from affect_workbench.keywords import in_python

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from affect_workbench.analyses.compare.compare import Comparison as ComparedModels
    from affect_workbench.analyses.discovery.discover import DiscoveryResult
    from affect_workbench.analyses.duplicates.find import Overlap
    from affect_workbench.data.predictions import Predictions
    from affect_workbench.workbench.runs.reviews import Review

MOST_SENTENCES = 5
PLOTS = ("forest", "heat_map", "split", "pull", "map")
"""What `Audit.plot` draws."""


class _Shown:
    """Shows itself as a card: in a notebook as HTML, at a prompt as text."""

    def _card(self) -> Card:
        raise NotImplementedError

    def _page(self) -> str:
        raise NotImplementedError

    def __repr__(self) -> str:
        return self._card().text()

    def _repr_html_(self) -> str:
        return self._card().html()

    def to_html(self, path: Path | str) -> Path:
        """Writes the whole result as one self-contained page, replacing a file that is there; returns its path.

        Nothing on the page is fetched from anywhere, and everything from the data is escaped.
        """
        target = Path(path)
        write_text(target, self._page())
        return target


@dataclass(frozen=True, repr=False, eq=False)
class Audit(_Shown):
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
        return self.result.excluded.copy()

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

    def skewed(self, *, repeats: bool = True) -> pd.DataFrame:
        """The findings that differ, beyond chance and by more than the tolerance; of numbers alone, the outcomes that do.

        Args:
            repeats: also those that only repeat, inside an intersection, what the wider slice does.
        """
        table = self.result.findings if self.result.has_predictions else self.result.outcomes
        found = table[table["verdict"] == "skewed"]
        return (found if repeats else found[found["repeats"].isna()]).copy()

    def sentences(self, *, most: int = MOST_SENTENCES) -> tuple[str, ...]:
        """The skewed findings that stand on their own, the first `most`, each in a sentence."""
        return tuple("".join(text for text, _ in sentence) for sentence in self._sentences(most))

    def plot(self, kind: str = "forest") -> go.Figure:
        """A plotly figure of the audit.

        Args:
            kind: `forest` (effects with their 95 % intervals, in points), `heat_map` (slices by emotions), `split` (how much
                of a skew is in the labels already), `pull` (how much nearer slices lie to each label), `map` (the pictures).

        Raises:
            ValueError: no such kind, or this audit has not what it draws (what that is).
        """
        from affect_workbench.workbench.report.figures import findings
        from affect_workbench.workbench.report.figures.map import picture_map

        drawers: dict[str, Callable[[AuditResult], go.Figure | None]]
        drawers = {name: getattr(findings, name) for name in PLOTS if name != "map"} | {"map": picture_map}
        if kind not in drawers:
            raise ValueError(f"no plot {kind!r}: {closest(kind, PLOTS)}")
        if not self.result.has_predictions:
            raise ValueError("nothing was predicted: numbers alone were compared; their page is written by to_html")
        figure = drawers[kind](self.result)
        if figure is None:
            lacking = {"split": "skewed finding with labels or votes", "pull": "distance to the labels", "map": "map"}
            raise ValueError(f"plot {kind!r} has nothing to draw: this audit has no {lacking.get(kind, 'finding')}")
        return figure

    def save(self, folder: Path | str, *, overwrite: bool = False) -> Path:
        """Writes a run folder as `workbench audit` does, with its report; it appears whole or not at all. Returns its path.

        `load` opens it again, and so does `workbench app`.

        Args:
            folder: where to.
            overwrite: replace a run that is there; what people decided about it is kept.

        Raises:
            FileExistsError: the folder exists and `overwrite` is False.
        """
        from affect_workbench.workbench.audit.exports import audit_findings, write_findings
        from affect_workbench.workbench.report.html import report_html
        from affect_workbench.workbench.runs.gate import audit_gate
        from affect_workbench.workbench.runs.reviews import carried_reviews, merged
        from affect_workbench.workbench.runs.store import save_audit

        target = Path(folder)
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

    def _own(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Findings and outcomes that are skewed and repeat no wider slice."""
        tables = (self.result.findings, self.result.outcomes)
        findings, outcomes = (one[(one["verdict"] == "skewed") & one["repeats"].isna()] for one in tables)
        return findings, outcomes

    def _sentences(self, most: int) -> list[Pieces]:
        from affect_workbench.workbench.report.headline import apart, caveats
        from affect_workbench.workbench.report.outcome_sentences import outcome_sentence
        from affect_workbench.workbench.report.sentences import finding_sentence

        result, strata = self.result, apart(self.result)
        findings, numbers = self._own()
        said: list[Pieces] = [
            finding_sentence(row, truth=result.run.truth, standing=caveats(result, row, held=strata))
            for row in findings.head(most).itertuples()
        ]
        return [*said, *(outcome_sentence(row) for row in numbers.head(most - len(said)).itertuples())]

    def _card(self) -> Card:
        from affect_workbench.workbench.report.headline import headline_sentences

        result, shown = self.result, tuple(self._sentences(MOST_SENTENCES))
        more = sum(map(len, self._own())) - len(shown)
        left = f"{more:,} more in .skewed() or .outcomes; " if more else ""
        return Card(
            f"Audit of {result.run.pictures:,} pictures by {', '.join(result.run.attributes)}",
            self.headline,
            headline_sentences(result),
            shown,
            f"{left}.findings has every pair, .plot() draws them, .to_html(path) writes the report.",
            self.notes,
        )

    def _page(self) -> str:
        from affect_workbench.workbench.report.html import report_html

        return report_html(self.result, reviews=self.reviews)


@dataclass(frozen=True, repr=False, eq=False)
class Comparison(_Shown):
    """What changed between two models on the same pictures; `affect_workbench.compare` makes one.

    Attributes:
        result: the comparison as the analyses return it.
        names: what the two are called.
    """

    result: ComparedModels
    names: tuple[str, str] = ("A", "B")

    @property
    def changes(self) -> pd.DataFrame:
        """One row a (slice, emotion), ranked: `skew_a`, `skew_b`, `change` with `low`, `high` (shares), `q`, `verdict`."""
        return self.result.changes.copy()

    @property
    def outcomes(self) -> pd.DataFrame:
        """One row a (slice, outcome) that both audits asked for, in the outcome's own units."""
        return self.result.outcomes.copy()

    @property
    def slices(self) -> pd.DataFrame:
        """One row a slice: pictures `flipped`, `accuracy_a`, `accuracy_b` (shares), their `change`, `p`, `q`."""
        return self.result.slices.copy()

    @property
    def flips(self) -> pd.DataFrame:
        """One row a picture that is predicted otherwise: `image_id`, `predicted_a`, `predicted_b`, `hit_a`, `hit_b`."""
        return self.result.flips.copy()

    @property
    def overall(self) -> dict[str, Any]:
        """`pictures`, `labelled`, `flipped`, `accuracy_a`, `accuracy_b` (shares), `change` with its interval, `p`."""
        return dict(self.result.overall)

    @property
    def headline(self) -> str:
        """The outcome in one sentence."""
        from affect_workbench.workbench.audit.compare_sentences import headline

        return headline(self.result)

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known before any number is read."""
        return tuple(map(in_python, self.result.notes))

    def worse(self) -> pd.DataFrame:
        """The changes by which a skew surely grew, by more than the tolerance."""
        return self._with("worse")

    def better(self) -> pd.DataFrame:
        """The changes by which a skew surely shrank, by more than the tolerance."""
        return self._with("better")

    def plot(self) -> go.Figure:
        """The leading changes of skew with their 95 % intervals, in points, as a plotly figure.

        Raises:
            ValueError: numbers alone were compared.
        """
        from affect_workbench.workbench.audit.compare_report import change_forest

        if not self.result.has_predictions:
            raise ValueError("nothing was predicted: numbers alone were compared; their page is written by to_html")
        return change_forest(self.result.changes)

    def _with(self, verdict: str) -> pd.DataFrame:
        table = self.result.changes if self.result.has_predictions else self.result.outcomes
        return table[table["verdict"] == verdict].copy()

    def _card(self) -> Card:
        from affect_workbench.workbench.audit.compare_sentences import change_sentence, outcome, outcome_change

        result = self.result
        found = result.changes[result.changes["verdict"].isin(["worse", "better", "changed"])]
        own = found[found["repeats"].isna()]
        numbers = result.outcomes[result.outcomes["verdict"].isin(["worse", "better", "changed"])]
        said: list[Pieces] = [
            [(f"{row.verdict}: ", "effect"), *change_sentence(row)] for row in own.head(MOST_SENTENCES).itertuples()
        ]
        said += [
            [(f"{row.verdict}: ", "effect"), (outcome_change(row), "plain")]
            for row in numbers.head(MOST_SENTENCES - len(said)).itertuples()
        ]
        left = len(own) + len(numbers) - len(said)
        rest = f"{left:,} more; " if left else ""
        return Card(
            f"{self.names[0]} against {self.names[1]} on the same {result.overall['pictures']:,} pictures",
            self.headline,
            " ".join(outcome(result)),
            tuple(said),
            f"{rest}.changes has every pair, .plot() draws them, .to_html(path) writes the page.",
            self.notes,
        )

    def _page(self) -> str:
        from affect_workbench.workbench.audit.compare_report import compare_html

        return compare_html(self.result, name_a=self.names[0], name_b=self.names[1])


@dataclass(frozen=True, repr=False, eq=False)
class Discovery(_Shown):
    """Slices that no attribute names, checked on held-out pictures; `affect_workbench.discover` makes one.

    Attributes:
        result: the discovery as the analyses return it.
        predictions: of the same `n` pictures in the same order.
    """

    result: DiscoveryResult
    predictions: Predictions

    @property
    def slices(self) -> pd.DataFrame:
        """One row a proposed slice, verdict first: its name, `effect` with `low`, `high` (shares), `p`, `q`, `verdict`."""
        return self.result.table.copy()

    @property
    def headline(self) -> str:
        """The outcome in one sentence."""
        return self.result.headline

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known before any number is read."""
        return tuple(map(in_python, self.result.notes))

    def verified(self, *, repeats: bool = True) -> pd.DataFrame:
        """The slices that hold on the held-out pictures.

        Args:
            repeats: also those that show nothing beyond a stronger one.
        """
        return (self.result.verified if repeats else self.result.own).copy()

    def pictures(self, number: int) -> pd.DataFrame:
        """The rows of the pictures in slice `number` (column `slice`), the most typical first.

        Beside what is known of them: `predicted`, `half` (explore or confirm) and `score` (larger is more typical).

        Raises:
            ValueError: no such slice.
        """
        if not 1 <= number <= len(self.result.table):
            raise ValueError(f"there is no slice {number}: expected 1 to {len(self.result.table)}")
        members = self.result.members[number - 1]
        labels = np.asarray(self.predictions.taxonomy.labels, dtype=object)
        rows = self.predictions.rows.iloc[members].assign(
            predicted=labels[self.predictions.predicted[members]],
            half=np.where(self.result.explore[members], "explore", "confirm"),
            score=self.result.scores[number - 1, members],
        )
        return rows.sort_values("score", ascending=False, kind="stable").reset_index(drop=True)

    def _card(self) -> Card:
        from affect_workbench.workbench.discovery.sentences import WARNING, slice_sentence

        own = self.result.own
        said = tuple([(slice_sentence(row), "plain")] for row in own.head(MOST_SENTENCES).itertuples())
        return Card(
            f"Discovery in {len(self.predictions):,} pictures",
            self.headline,
            WARNING if said else "",
            said,
            ".slices has all that were proposed, .pictures(1) those of the first, .to_html(path) writes the page.",
            self.notes,
        )

    def _page(self) -> str:
        from affect_workbench.workbench.discovery.page import discovery_html

        return discovery_html(self.result, self.predictions.rows, self.predictions.predicted)


@dataclass(frozen=True, repr=False, eq=False)
class Duplicates(_Shown):
    """Pictures that two sets share, or that one holds twice; `affect_workbench.find_duplicates` makes one.

    Attributes:
        result: the overlap as the analyses return it.
        names: what the two sets are called.
    """

    result: Overlap
    names: tuple[str, str] = ("A", "B")

    @property
    def pairs(self) -> pd.DataFrame:
        """One row a pair, exact copies first: `kind`, `found_by`, ids, labels, splits, `cosine`, `hamming` (bits)."""
        return self.result.pairs.copy()

    @property
    def counts(self) -> pd.DataFrame:
        """One row for each two splits with a pair: `exact` and `near` pairs, the pictures concerned."""
        return self.result.counts.copy()

    @property
    def headline(self) -> str:
        """The outcome in one sentence."""
        from affect_workbench.workbench.datasets.overlap_page import outcome

        return outcome(self.result, name_a=self.names[0], name_b=self.names[1])

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known before the numbers are believed."""
        return tuple(map(in_python, self.result.notes))

    def leaking(self) -> pd.DataFrame:
        """The pairs that matter: all between two sets; within one set those across its splits."""
        return self.result.leaking().copy()

    def _card(self) -> Card:
        said: list[Pieces] = [
            [
                (f"{row['kind']}: ", "effect"),
                (row["id_a"], "slice"),
                (" and ", "plain"),
                (row["id_b"], "slice"),
                ("" if math.isnan(row["cosine"]) else f", cosine {row['cosine']:.3f}", "quiet"),
            ]
            for row in self.result.leaking().head(MOST_SENTENCES).to_dict("records")
        ]
        more = ".pairs has every pair, .counts sums them up by split, .to_html(path) writes the page with thumbnails."
        return Card("Near-duplicates", self.headline, self.result.calibration, tuple(said), more, self.notes)

    def _page(self) -> str:
        from affect_workbench.workbench.datasets.overlap_page import overlap_html

        return overlap_html(self.result, name_a=self.names[0], name_b=self.names[1])
