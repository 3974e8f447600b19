"""How often would this audit have raised an alarm on these data if nothing were wrong?

The predictions are permuted among the pictures, so that no attribute has anything to do with them, and the audit's own rules
are applied to every permutation. Whatever they call skewed then is a false alarm. Pictures of one group keep their
predictions. Pairs trade both of theirs with other pairs, and which picture of a pair gets which is left to chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.pair_notes import pairing_of
from affect_workbench.analyses.inference.clusters import Compared, group_spreads
from affect_workbench.analyses.inference.intervals import wilson
from affect_workbench.analyses.inference.pairs.cells import PairedCells
from affect_workbench.analyses.inference.verdicts import counted, verdicts
from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attributes
from affect_workbench.analyses.slices.families import Family, families, slice_families
from affect_workbench.analyses.slices.sliced import SlicedRows
from affect_workbench.analyses.slices.sums import SliceSums, slice_sums
from affect_workbench.arrays import Floats
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

TIMES = 200


@dataclass(frozen=True)
class PermutationCheck:
    """What the audit's rules found in permuted predictions.

    Attributes:
        times: permutations.
        alarms: permutations in which at least one cell was called skewed.
        cells: cells that were tested in each.
        false: cells called skewed in all permutations together.
        low: lower end of the 95 % interval of the share of permutations with an alarm.
        high: upper end.
        within: columns whose values stayed together: predictions were permuted among pictures that agree in them.
    """

    times: int
    alarms: int
    cells: int
    false: int
    low: float
    high: float
    within: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Share of permutations with an alarm."""
        return self.alarms / self.times

    @property
    def sentence(self) -> str:
        """The outcome for a reader."""
        among = f" among pictures of the same {' and '.join(self.within)}" if self.within else ""
        return (
            f"Permutation check: with the predictions permuted{among}, these rules gave a false alarm in "
            f"{self.alarms} of {self.times} permutations ({100 * self.rate:.1f} % [{100 * self.low:.1f}, "
            f"{100 * self.high:.1f}]), {self.false / self.times:.2f} of {self.cells:,} pairs each time."
        )


@dataclass(frozen=True)
class Permutations:
    """How predictions are permuted.

    Attributes:
        times: how often.
        seed: of the permutations.
        within: columns that predictions are permuted within, e.g. the data set.
    """

    times: int = TIMES
    seed: int = 0
    within: tuple[str, ...] = ()


def permutation_check(
    rows: pd.DataFrame,
    taxonomy: Taxonomy,
    *,
    config: AuditConfig,
    permutations: Permutations | None = None,
    inferred: frozenset[str] = frozenset(),
    progress: Any = None,
) -> PermutationCheck:
    """Permutes the predictions again and again and tests each permutation by the rules of `config`.

    Args:
        rows: one row a picture with `predicted`, the attributes that `config` names, and `group_id` or
            `pair_id` where there are groups or pairs.
        taxonomy: the labels.
        config: the audit's; its `attributes` must be named.
        permutations: how often, and among which pictures.
        inferred: see `run_audit`.
        progress: called with the number of permutations done.

    Raises:
        ValueError: no permutation, no attributes, an unknown column, or a column to keep within that is itself sliced.
    """
    permutations = permutations or Permutations()
    within, times = permutations.within, permutations.times
    if times < 1:
        raise ValueError(f"{times} permutations: at least one is needed")
    if not config.attributes:
        raise ValueError("the audit has no attributes to slice by")
    for name in within:
        if name not in rows:
            raise ValueError(
                f"cannot permute within {name!r}: there is no such column; there are {', '.join(map(str, rows))}"
            )
        if name in config.attributes:
            raise ValueError(f"cannot permute within {name!r}: it is sliced by; name a column that is not")
    y_pred = taxonomy.codes(rows["predicted"])
    coded, _ = coded_attributes(
        rows,
        config.attributes,
        available=config.attributes,
        bins=config.bins,
        numeric=config.numeric,
        categorical=config.categorical,
    )
    data = SlicedRows(rows, tuple(coded), inferred)
    groups = data.groups
    strata = np.zeros(len(rows), dtype=np.int64)
    if within:
        strata = np.asarray(rows.groupby(list(within), dropna=False).ngroup(), dtype=np.int64)
    blocks = _blocks(data.pairs, strata)
    counter = _Counter(coded, config, len(taxonomy))
    pairing = pairing_of(counter.sums.specs, data, min_count=config.min_count)
    rules = config.rules
    family = slice_families(counter.sums.specs, inferred)
    rng = np.random.default_rng([permutations.seed, 1])
    alarms = false = cells = 0
    for number in range(times):
        permuted = y_pred[_permute(strata, groups, rng, blocks=blocks)]
        inside, outside = counter.count(permuted)
        design_effect = freedom = None
        one_hot = np.eye(len(taxonomy))[permuted]
        if groups is not None:
            compared = {"said": Compared(one_hot)}
            spread = group_spreads(counter.sums, data, compared=compared)["said"]
            design_effect, freedom = spread.design_effect, spread.freedom
        n, m = counter.sums.inside[:, :1], counter.sums.outside[:, :1]
        evidence = counted(inside, n, outside, m, rules, design_effect=design_effect, freedom=freedom)
        if pairing is not None:
            evidence = PairedCells(pairing.used, pairing.contrast(one_hot)).over(evidence)
        found = verdicts(evidence, rules, families=family)
        skewed = int((found.verdict == "skewed").sum())
        alarms, false, cells = alarms + (skewed > 0), false + skewed, int(found.tested.sum())
        if progress is not None:
            progress(number + 1)
    low, high = wilson(np.array(alarms), np.array(times))
    return PermutationCheck(times, alarms, cells, false, float(low), float(high), tuple(within))


class _Counter:
    """Counts predictions over the slices of one set of attributes, again and again."""

    def __init__(self, coded: list[CodedAttribute], config: AuditConfig, emotions: int) -> None:
        ones = np.ones((len(coded[0].codes), 1))
        self.sums: SliceSums = slice_sums(coded, ones, order=config.order, min_count=config.min_count)
        self._emotions = emotions
        position = {spec: number for number, spec in enumerate(self.sums.specs)}
        self._families: list[tuple[Family, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        for family in families(coded, config.order):
            wanted = [(code, position[spec]) for code, spec in family.specs() if spec in position]
            codes, places = np.array(wanted, dtype=np.int64).reshape(-1, 2).T
            self._families.append((family, np.flatnonzero(family.codes >= 0), codes, places))

    def count(self, y_pred: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Pictures read as each emotion in every slice and in its complement, both `(s, k)`."""
        inside = np.zeros((len(self.sums.specs), self._emotions))
        outside = np.zeros_like(inside)
        for family, known, codes, places in self._families:
            cells = family.codes[known] * self._emotions + y_pred[known]
            table = np.bincount(cells, minlength=family.size * self._emotions).reshape(family.size, self._emotions)
            inside[places] = table[codes]
            outside[places] = table.sum(axis=0) - table[codes]
        return inside, outside


def _blocks(pairs: npt.NDArray[np.int64] | None, strata: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """A number for what of each pair lies in one stratum `(n,)`, a picture without a pair by itself; None without pairs."""
    if pairs is None:
        return None
    own = np.where(pairs >= 0, pairs, pairs.max() + 1 + np.arange(len(pairs)))
    return np.unique(np.stack([strata, own]), axis=1, return_inverse=True)[1].astype(np.int64).ravel()


def _permute(
    strata: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64] | None,
    rng: np.random.Generator,
    *,
    blocks: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.int64]:
    """Whose prediction each picture gets `(n,)`: a permutation within strata.

    Groups are laid one after the other in two random orders, and the predictions of the one order go to the pictures of the
    other: what was read alike in a group lands, but for the groups' ends, in one group again. Pairs are laid so by their
    size, so that two predictions of one pair always go to one pair; inside it their order is random.
    """
    if groups is None:
        to, source = (np.lexsort((rng.random(len(strata)), strata)) for _ in range(2))
    elif blocks is None:
        count = int(groups.max()) + 1
        to, source = (np.lexsort((groups, rng.random(count)[groups], strata)) for _ in range(2))
    else:
        size, count = np.bincount(blocks), int(groups.max()) + 1
        to, source = (
            np.lexsort(
                (rng.random(len(strata)), rng.random(len(size))[blocks], rng.random(count)[groups], size[blocks], strata)
            )
            for _ in range(2)
        )
    permuted = np.empty(len(strata), dtype=np.int64)
    permuted[to] = source
    return permuted
