"""What do comparisons, discoveries and searches for duplicates return in a notebook? Frozen results that show themselves.

Tables are handed out as copies: what is done to them changes no result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect_workbench.cards import MOST_SENTENCES, Card, Pieces, Shown, unmirrored
from affect_workbench.keywords import in_python, path_of, python_errors

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from affect_workbench.analyses.audit.compare.compare import Comparison as ComparedModels
    from affect_workbench.analyses.discovery.discover import DiscoveryResult
    from affect_workbench.analyses.duplicates.find import Overlap
    from affect_workbench.data.predictions import Predictions

_SURE = ("worse", "better", "changed")
"""Verdicts on a change that is beyond chance and tolerance."""


@dataclass(frozen=True, repr=False, eq=False)
class Comparison(Shown):
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
    def findings(self) -> pd.DataFrame:
        """`changes`, under the name that the findings have in an audit."""
        return self.changes

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
        from affect_workbench.workbench.audit.comparison.sentences import headline

        return headline(self.result)

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known before any number is read."""
        return tuple(map(in_python, self.result.notes))

    def worse(self, *, explained: bool = True) -> pd.DataFrame:
        """The changes by which a skew surely grew, by more than the tolerance.

        Args:
            explained: also intersections that are explained by their parent slice.
        """
        return self._with("worse", explained=explained)

    def better(self, *, explained: bool = True) -> pd.DataFrame:
        """The changes by which a skew surely shrank, by more than the tolerance.

        Args:
            explained: also intersections that are explained by their parent slice.
        """
        return self._with("better", explained=explained)

    def changed(self, *, explained: bool = True) -> pd.DataFrame:
        """All sure changes of a skew, by more than the tolerance: worse, better, or as far off in the other direction.

        Args:
            explained: also intersections that are explained by their parent slice.
        """
        return self._with(*_SURE, explained=explained)

    def plot(self) -> go.Figure:
        """The leading changes of skew with their 95 % intervals, in points, as a plotly figure.

        Raises:
            ValueError: numbers alone were compared.
        """
        from affect_workbench.workbench.audit.comparison.report import change_forest

        if not self.result.has_predictions:
            raise ValueError("nothing was predicted: numbers alone were compared; their page is written by to_html")
        return change_forest(self.result.changes)

    @python_errors()
    def save(self, folder: Path | str, *, overwrite: bool = False) -> Path:
        """Writes the folder that `workbench compare` writes, with its page, whole or not at all. Returns its path.

        Args:
            folder: where to.
            overwrite: replace a comparison that is there.

        Raises:
            TypeError: no path.
            FileExistsError: the folder exists and `overwrite` is False.
        """
        from affect_workbench.workbench.audit.comparison.command import save_comparison
        from affect_workbench.workbench.audit.exports.findings import compare_findings
        from affect_workbench.workbench.runs.gate import gate_from

        target = path_of(folder, keyword="folder")
        findings = compare_findings(self.result, gate_from("", verdict="worse"))
        save_comparison(self.result, target, names=self.names, findings=findings, overwrite=overwrite)
        return target

    def _with(self, *verdicts: str, explained: bool) -> pd.DataFrame:
        table = self.result.changes if self.result.has_predictions else self.result.outcomes
        found = table[table["verdict"].isin(verdicts)]
        return (found if explained or "explained_by" not in found else found[found["explained_by"].isna()]).copy()

    def _card(self) -> Card:
        from affect_workbench.workbench.audit.comparison.sentences import change_sentence, outcome, outcome_change

        result = self.result
        found = result.changes[result.changes["verdict"].isin(_SURE)]
        every = found[found["explained_by"].isna()]
        own = unmirrored(every, "emotion")
        numbers = result.outcomes[result.outcomes["verdict"].isin(_SURE)]
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
            f"{rest}.changes has every pair, .plot() draws them, .to_html(path) writes the page, .save(folder) all.",
            self.notes,
            len(every) - len(own),
        )

    def _page(self) -> str:
        from affect_workbench.workbench.audit.comparison.report import compare_html

        return compare_html(self.result, name_a=self.names[0], name_b=self.names[1])


@dataclass(frozen=True, repr=False, eq=False)
class Discovery(Shown):
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

    def verified(self, *, explained: bool = True) -> pd.DataFrame:
        """The slices that hold on the held-out pictures.

        Args:
            explained: also those that show nothing beyond a stronger one.
        """
        return (self.result.verified if explained else self.result.own).copy()

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
class Duplicates(Shown):
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
