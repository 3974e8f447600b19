"""At which level of the label tree is a skew real: one emotion, its family, or pleasant against unpleasant?

Joy read as contentment and contentment as joy cancel in their family; joy read as anger does not cancel in polarity. Each
level has the same tests and verdicts as the labels themselves (`analyses.inference.verdicts`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference.clusters import Compared, group_spreads
from affect_workbench.analyses.inference.pairs.cells import PairedCells
from affect_workbench.analyses.inference.pairs.pairing import Pairing
from affect_workbench.analyses.inference.verdicts import DECIDED, Rules, counted, verdicts
from affect_workbench.analyses.slices.families import slice_families
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.strata import series_of
from affect_workbench.analyses.slices.sums import SliceSums
from affect_workbench.arrays import Floats
from affect_workbench.data.taxonomies.taxonomy import POLARITY_WORDS, TAXONOMIES, Taxonomy

COARSER = {"webemo25": "parrott6", "mikels8": "ekman6"}
"""Taxonomies with a level between their labels and polarity."""
LEVEL_COLUMNS = ("slice", "where", "level", "group", "n", "n_complement", "rate", "complement_rate", *DECIDED)


@dataclass(frozen=True)
class Level:
    """Labels in groups.

    Attributes:
        name: of the level.
        groups: the groups in order.
        of_label: group of each label `(k,)`.
    """

    name: str
    groups: tuple[str, ...]
    of_label: npt.NDArray[np.int64]

    def group(self, label: int) -> str:
        """Name of the group that label `label` is in."""
        return self.groups[int(self.of_label[label])]


def label_levels(taxonomy: Taxonomy) -> tuple[Level, ...]:
    """The levels above the labels, finest first; a label without a counterpart stays a group of its own.

    Levels that put no two labels together, or all in one, say nothing and are left out.
    """
    maps: list[tuple[str, dict[str, str | None]]] = []
    if taxonomy.name in COARSER:
        maps.append((COARSER[taxonomy.name], taxonomy.to(TAXONOMIES[COARSER[taxonomy.name]])))
    maps.append(("polarity", {label: POLARITY_WORDS[sign] for label, sign in taxonomy.polarity.items()}))
    levels = []
    for name, parents in maps:
        of = [parents.get(label) or label for label in taxonomy.labels]
        groups = tuple(dict.fromkeys(of))
        if 1 < len(groups) < len(taxonomy):
            levels.append(Level(name, groups, np.array([groups.index(group) for group in of], dtype=np.int64)))
    return tuple(levels)


def level_table(sums: SliceSums, data: SlicedPredictions, *, rules: Rules, pairing: Pairing | None = None) -> pd.DataFrame:
    """One row a (slice, level, group of labels), columns as in `findings.Finding`; empty without coarser levels.

    Args:
        sums: of the scores over the slices.
        data: the pictures.
        rules: what decides a verdict.
        pairing: which slices are compared in pairs; None without pairs.
    """
    scores, taxonomy = data.scores, data.predictions.taxonomy
    predicted, n = scores.at["said"], scores.at["one"]
    families = slice_families(sums.specs, data.inferred)
    tables = []
    for level in label_levels(taxonomy):
        inside, outside = (_grouped(side[:, predicted], level) for side in (sums.inside, sums.outside))
        design_effect = freedom = None
        if data.groups is not None:
            compared = {"said": Compared(_grouped(scores.of("said"), level))}
            spread = group_spreads(sums, data, compared=compared)["said"]
            design_effect, freedom = spread.design_effect, spread.freedom
        counts = sums.inside[:, n], sums.outside[:, n]
        evidence = counted(inside, counts[0], outside, counts[1], rules, design_effect=design_effect, freedom=freedom)
        if pairing is not None:
            paired = PairedCells(pairing.used, pairing.contrast(_grouped(scores.of("said"), level)))
            evidence = paired.over(evidence)
            here = pairing.used[:, None]
            counts = np.where(here, paired.seen.n, counts[0]), np.where(here, paired.seen.m, counts[1])
        found, width = verdicts(evidence, rules, families=families), len(level.groups)
        cells = {
            "n": np.repeat(counts[0], width),
            "n_complement": np.repeat(counts[1], width),
            "rate": found.rate,
            "complement_rate": found.complement_rate,
            **{name: getattr(found, name) for name in DECIDED},
        }
        table = pd.DataFrame({name: np.asarray(values).ravel() for name, values in cells.items()})
        table["slice"] = series_of([spec.name for spec in sums.specs], width)
        table["where"] = pd.Series([spec.as_json() for spec in sums.specs for _ in range(width)], dtype=object)
        table["level"], table["group"] = level.name, list(level.groups) * len(sums.specs)
        tables.append(table)
    whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(LEVEL_COLUMNS))
    return whole.reindex(columns=list(LEVEL_COLUMNS)).astype({"n": np.int64, "n_complement": np.int64})


def label_tree_levels(findings: pd.DataFrame, levels: pd.DataFrame, *, taxonomy: Taxonomy) -> pd.Series:
    """For every skewed finding the coarsest level at which it is real, e.g. `negative (polarity)`; None for the others.

    Real at a level: the group that the emotion belongs to is skewed there too, in the same direction. A finding that is
    real at no coarser level is named by its emotion alone: it is a skew between neighbouring emotions.

    Args:
        findings: as `analyses.skew.findings.skew_table` gives them.
        levels: `level_table` of the same slices.
        taxonomy: the labels of both.
    """
    skewed = levels[levels["verdict"] == "skewed"]
    real = dict(
        zip(zip(skewed["slice"], skewed["level"], skewed["group"], strict=True), np.sign(skewed["effect"]), strict=True)
    )
    tree = label_levels(taxonomy)
    names: list[str | None] = [None] * len(findings)
    at = np.flatnonzero(findings["verdict"] == "skewed")
    rows = findings.iloc[at]
    for position, where, emotion, sign in zip(at, rows["slice"], rows["emotion"], np.sign(rows["effect"]), strict=True):
        label = taxonomy.labels.index(emotion)
        holding = [one for one in tree if real.get((where, one.name, one.group(label))) == sign]
        names[position] = f"{holding[-1].group(label)} ({holding[-1].name})" if holding else emotion
    return pd.Series(names, index=findings.index)


def _grouped(counts: Floats, level: Level) -> Floats:
    """Columns `(..., k)` added up to `(..., g)`."""
    return np.asarray(counts @ np.eye(len(level.groups))[level.of_label])
