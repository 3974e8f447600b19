"""What of an audit is said in pairs: its cells, what the labels say of the same pairs, and what the model adds to it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference import intervals
from affect_workbench.analyses.inference.multiplicity import select
from affect_workbench.analyses.inference.pairs.cells import PairedCells, PairedShift
from affect_workbench.analyses.inference.pairs.pairing import Pairing
from affect_workbench.analyses.inference.pairs.rates import stuart_maxwell
from affect_workbench.analyses.inference.verdicts import Rules
from affect_workbench.analyses.skew.attribution import Gap
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.families import slice_families
from affect_workbench.analyses.slices.scores import Scores
from affect_workbench.arrays import Floats

COLUMNS = ("slice", "where", "pairs", "mixed", "units", "n", "n_complement", "statistic", "freedom", "p", "q", "method")
EXACT = "McNemar and Tango"
ROBUST = "cluster-robust"


@dataclass(frozen=True)
class InPairs:
    """Of the slices of an audit, what pairs say of their cells.

    Attributes:
        pairing: which slices, in which pairs.
        predicted: of what is said.
        votes: of what the labels or votes say, in pairs with a truth on either side; None without truth.
        model_gap: of what is said beyond the labels, in the same pairs.
    """

    pairing: Pairing
    predicted: PairedCells
    votes: PairedCells | None = None
    model_gap: PairedShift | None = None

    @classmethod
    def of(cls, pairing: Pairing, scores: Scores) -> InPairs:
        """From the scores of the pictures that the pairing is of."""
        predicted = PairedCells(pairing.used, pairing.contrast(scores.of("said")))
        if "labelled" not in scores:
            return cls(pairing, predicted)
        known = scores.of("labelled")[:, 0] > 0
        votes = PairedCells(pairing.used, pairing.contrast(scores.of("votes"), known=known))
        return cls(pairing, predicted, votes, PairedShift(pairing.contrast(scores.of("model_gap"), known=known)))

    def over(self, cells: Mapping[str, Any], *, alpha: float) -> dict[str, Any]:
        """The columns of `findings.Finding` `(s, k)`, with what pairs say in the slices that are compared in them.

        What `PairedCells.over` and `gaps` say already is not said again.
        """
        seen, here = self.predicted.seen, self.pairing.used[:, None]
        own: dict[str, npt.NDArray[Any]] = {
            "n": seen.n,
            "n_complement": seen.m,
            "detectable": self.predicted.detectable(alpha=alpha),
            "design_effect": self.predicted.design_effect,
        }
        # Drawn toward the rate of all pictures, in pairs or not, which is another number.
        own["pooled_rate"] = np.full(seen.total.shape, np.nan)
        own["rate_low"], own["rate_high"] = self.predicted.rate_interval()
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = seen.inside / seen.outside
        own["ratio"] = np.where(np.isfinite(ratio), ratio, np.nan)
        odds, other_odds = (intervals.log_odds(rate * seen.pairs, seen.pairs)[0] for rate in (seen.inside, seen.outside))
        own["log_odds"] = odds - other_odds
        replaced = dict(cells)
        for name, values in own.items():
            whole = np.where(here, np.broadcast_to(values, seen.total.shape), replaced[name])
            replaced[name] = np.rint(whole).astype(np.int64) if name in ("n", "n_complement") else whole
        for name, counts in (("pairs", self.pairing.pairs), ("pairs_mixed", self.pairing.mixed)):
            shown = np.where(self.pairing.used, counts, np.nan)[:, None]
            replaced[name] = np.broadcast_to(shown, seen.total.shape)
        return replaced

    def gaps(self, labels: Gap, model: Gap, p: Floats) -> tuple[Gap, Gap, Floats]:
        """Label gap, model gap and the two-sided p of the latter, replaced by what pairs with a truth on either side say."""
        if self.votes is None or self.model_gap is None:
            return labels, model, p
        here = self.pairing.used[:, None]

        def replaced(own: Floats, ends: tuple[Floats, Floats], of: Gap) -> Gap:
            pairs = zip((own, *ends), (of.value, of.low, of.high), strict=True)
            return Gap(*(np.where(here, mine, other) for mine, other in pairs))

        return (
            replaced(self.votes.seen.effect, self.votes.interval(), labels),
            replaced(self.model_gap.seen.effect, self.model_gap.interval(), model),
            np.where(here, self.model_gap.p, p),
        )

    def table(
        self, specs: tuple[SliceSpec, ...], predicted: Floats, *, rules: Rules, inferred: frozenset[str] = frozenset()
    ) -> pd.DataFrame:
        """One row a slice that is compared in pairs: do its pictures differ in any emotion at all?

        Columns: `slice`, `where`, `pairs`, of these `mixed` (differing in another attribute too), independent `units`
        (pairs, or groups of them), `n` and `n_complement` pictures; Stuart and Maxwell's `statistic` with its `freedom` and
        `p` (with several pairs a unit in the cluster-robust form), `q` within the family of slices; `method` of the cells'
        tests and intervals (`EXACT` or `ROBUST`).

        Args:
            specs: the slices.
            predicted: whether each picture is read as each emotion `(n, k)`.
            rules: what decides a verdict.
            inferred: columns whose values were inferred; their slices are a family of their own.
        """
        statistic, freedom, p = stuart_maxwell(*self.pairing.products(predicted))
        p = np.where(self.pairing.used, p, np.nan)
        q = select(p[:, None], slice_families(specs, inferred), alpha=rules.alpha).slice_q
        seen = self.predicted.seen
        alone = (seen.groups == seen.pairs) & (seen.n == seen.pairs) & (seen.m == seen.pairs)
        table = pd.DataFrame(
            {
                "slice": [spec.name for spec in specs],
                "where": pd.Series([spec.as_json() for spec in specs], dtype=object),
                "pairs": self.pairing.pairs,
                "mixed": self.pairing.mixed,
                **{
                    name: np.rint(values[:, 0]).astype(np.int64)
                    for name, values in (("units", seen.groups), ("n", seen.n), ("n_complement", seen.m))
                },
                "statistic": statistic,
                "freedom": freedom,
                "p": p,
                "q": q,
                "method": np.where(alone[:, 0], EXACT, ROBUST).astype(object),
            }
        )
        return table.loc[self.pairing.used, list(COLUMNS)].reset_index(drop=True)
