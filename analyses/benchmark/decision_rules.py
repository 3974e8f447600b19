"""Which (slice, emotion) pairs do we flag in a table, which do the rules of other tools, and which really differ?

The rules of other tools are re-stated here on the same counts, so that they can be asked in every data set; the tools
themselves, where they are installed, are asked in `analyses.benchmark.other_tools`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from affect_workbench.analyses.inference.clusters import Compared, group_spreads
from affect_workbench.analyses.inference.means.spread import Spread
from affect_workbench.analyses.inference.verdicts import Cells, Rules, verdicts
from affect_workbench.analyses.inference.verdicts import counted as evidence_of_counts
from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attributes
from affect_workbench.analyses.slices.conditions import Condition, SliceSpec
from affect_workbench.analyses.slices.families import families, slice_families
from affect_workbench.analyses.slices.scores import scores
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import CodedColumns, SliceSums, group_sums, slice_sums
from affect_workbench.arrays import Floats, Mask
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.synthetic.predictions import TableWorld

ORDER = 2
DIVEXPLORER_T = 2.0
SLICELINE_ALPHA = 0.95
SLICELINE_MOST = 10
FOUR_FIFTHS = 0.8
BOOTSTRAPS = 100
RANDOM_SHARE = 0.05


@dataclass(frozen=True)
class Counted:
    """A table as counts.

    Attributes:
        sums: of every slice: pictures, said `(k)`, wrong.
        coded: the attributes.
        k: emotions.
        spread: of what was said, where pictures come in groups; None for independent pictures.
    """

    sums: SliceSums
    coded: list[CodedAttribute]
    k: int
    spread: Spread | None

    @property
    def n(self) -> Floats:
        """Pictures of each slice `(s, 1)`."""
        return self.sums.inside[:, :1]

    @property
    def hits(self) -> Floats:
        """Pictures of each slice read as each emotion `(s, k)`."""
        return self.sums.inside[:, 1 : 1 + self.k]

    @property
    def whole(self) -> Floats:
        """Sums `(s, 2 + k)` over slice and complement."""
        return self.sums.inside + self.sums.outside

    def cells(self, rules: Rules) -> Cells:
        """The audit's own judgement."""
        outside = self.sums.outside
        evidence = evidence_of_counts(
            self.hits,
            self.n,
            outside[:, 1 : 1 + self.k],
            outside[:, :1],
            rules,
            design_effect=None if self.spread is None else self.spread.design_effect,
            freedom=None if self.spread is None else self.spread.freedom,
        )
        return verdicts(evidence, rules, families=slice_families(self.sums.specs))


def counted(predictions: Predictions, *, order: int = ORDER, min_count: int = Rules().min_count) -> Counted:
    """Counts of every slice of up to `order` attributes."""
    per_picture, k = scores(predictions), len(predictions.taxonomy)
    columns, at = per_picture.columns, per_picture.at
    wrong = columns.of_code[:, at["labelled"]] - columns.of_code[:, at["hit"]]
    named = [str(name) for name in predictions.rows if str(name).startswith("attribute_")]
    coded, _ = coded_attributes(predictions.rows, named, available=named)
    of_code = np.hstack([columns.of_code[:, : 1 + k], wrong])
    sums = slice_sums(coded, CodedColumns(columns.codes, of_code, columns.rest[:, :0]), order=order, min_count=min_count)
    data = SlicedPredictions(predictions, tuple(coded))
    spreads = group_spreads(sums, data, compared={"said": Compared(per_picture.of("said"))})
    return Counted(sums, coded, k, spreads.get("said"))


def flags(table: Counted, rng: np.random.Generator, *, rules: Rules | None = None) -> dict[str, Mask]:
    """Tool -> pairs that it flags `(s, k)`; "ours" are pairs with q <= alpha.

    DivExplorer: a slice's rate, as the mean of a Beta distribution, more than two standard errors from that of all pictures
    (Pastor et al. 2021, https://doi.org/10.1145/3448016.3457284). SliceLine: the ten slices with the highest score, if above
    zero, of error and size (Sagadeeva and Boehm 2021, https://doi.org/10.1145/3448016.3457323); it names no emotion, so its
    slice counts with the emotion that differs most there. Fairlearn: the bootstrap interval of the largest difference
    between the values of an attribute lies above zero. Four-fifths: the lowest rate among the values is less than 4/5 of the
    highest. Both point at the lowest and the highest value. Random: 5 % of the pairs.
    """
    found = {"ours": table.cells(rules or Rules()).q <= (rules or Rules()).alpha}
    found["random"] = rng.random(table.hits.shape) < RANDOM_SHARE
    found["DivExplorer"] = divexplorer_divergence(table)[1]
    found["SliceLine"] = _sliceline(table)
    found |= _between_values(table, rng)
    return found


def true_differences(world: TableWorld, specs: tuple[SliceSpec, ...]) -> Floats:
    """The difference from the complement in the world itself, of every slice and emotion `(s, k)`."""
    attributes = [
        _coded_cells(world, at, name) for at, name in enumerate(world.attributes) if len(np.unique(world.codes[:, at])) > 1
    ]
    columns = world.weight[:, None] * np.hstack([np.ones((len(world.weight), 1)), world.predicted_rates])
    effects: dict[SliceSpec, Floats] = {}
    for family in families(attributes, max(spec.order for spec in specs)):
        inside = group_sums(family.codes, family.size, columns)
        outside = inside.sum(axis=0) - inside
        with np.errstate(divide="ignore", invalid="ignore"):
            difference = inside[:, 1:] / inside[:, :1] - outside[:, 1:] / outside[:, :1]
        effects |= {spec: difference[code] for code, spec in family.specs()}
    return np.array([effects[spec] for spec in specs])


def position(specs: tuple[SliceSpec, ...], place: Mapping[str, int]) -> int | None:
    """Where the slice of these attribute values stands, None where it was not counted."""
    wanted = {name: f"v{value}" for name, value in place.items()}
    return next((at for at, spec in enumerate(specs) if spec.as_json() == wanted), None)


def _coded_cells(world: TableWorld, at: int, name: str) -> CodedAttribute:
    values = range(int(world.codes[:, at].max()) + 1)
    return CodedAttribute(name, tuple(Condition(name, f"v{value}") for value in values), world.codes[:, at])


def _beta(hits: Floats, n: Floats) -> tuple[Floats, Floats]:
    mean = (hits + 1) / (n + 2)
    return mean, mean * (1 - mean) / (n + 3)


def divexplorer_divergence(table: Counted) -> tuple[Floats, Mask]:
    """How far each rate is from that of all pictures `(s, k)`, and where this is more than two standard errors."""
    whole = table.whole
    everyone = whole[:, 1 : 1 + table.k]
    mean, variance = _beta(table.hits, table.n)
    all_mean, all_variance = _beta(everyone, whole[:, :1])
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = table.hits / table.n - everyone / whole[:, :1]
    return np.nan_to_num(divergence), np.abs(mean - all_mean) / np.sqrt(variance + all_variance) > DIVEXPLORER_T


def sliceline_score(table: Counted) -> Floats:
    """SliceLine's score of error and size `(s,)`, minus infinity for slices that are too small."""
    wrong, whole = table.sums.inside[:, -1], table.whole
    n, everyone, errors = table.n[:, 0], whole[:, 0], whole[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        score = SLICELINE_ALPHA * ((wrong / n) / (errors / everyone) - 1) - (1 - SLICELINE_ALPHA) * (everyone / n - 1)
    return np.where(n >= Rules().min_count, score, -np.inf)


def _sliceline(table: Counted) -> Mask:
    whole, n = table.whole, table.n
    flagged = np.zeros(table.hits.shape, dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.abs(table.hits / n - whole[:, 1 : 1 + table.k] / whole[:, :1])
    score = sliceline_score(table)
    top = np.argsort(-score, kind="stable")[:SLICELINE_MOST]
    top = top[score[top] > 0]
    flagged[top, np.nan_to_num(gap[top]).argmax(axis=1)] = True
    return flagged


def _between_values(table: Counted, rng: np.random.Generator) -> dict[str, Mask]:
    """Fairlearn's and the four-fifths rule, for single attributes."""
    found = {name: np.zeros(table.hits.shape, dtype=bool) for name in ("Fairlearn", "four-fifths")}
    start = 0
    for attribute in table.coded:
        rows = np.arange(start, start + len(attribute.conditions))
        start += len(rows)
        hits, n = table.hits[rows], table.n[rows]
        total = int(n.sum())
        rates = hits / n
        # Resampled pictures: multinomial over (value, emotion).
        drawn = rng.multinomial(total, (hits / total).ravel(), size=BOOTSTRAPS).reshape(BOOTSTRAPS, *hits.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            resampled = drawn / drawn.sum(axis=2, keepdims=True)
        gaps = np.nanmax(resampled, axis=1) - np.nanmin(resampled, axis=1)
        apart = np.quantile(gaps, 0.025, axis=0) > 0
        unfair = rates.min(axis=0) < FOUR_FIFTHS * rates.max(axis=0)
        for name, where in (("Fairlearn", apart), ("four-fifths", unfair)):
            for ends in (rates.argmin(axis=0), rates.argmax(axis=0)):
                found[name][rows[ends[where]], np.flatnonzero(where)] = True
    return found
