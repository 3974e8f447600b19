"""What do pairs say of a number: its difference within pairs, with p and interval from Student's t of these differences?

The t of one mean, with whole groups of pairs as units where pairs come in groups (`analyses.inference.pairs.contrast`).
Differences within pairs lie about as far to either side, so that few pairs need no permutation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affect_workbench.analyses.inference.means.cluster_robust import Contrast
from affect_workbench.analyses.inference.means.two_means import LEAST_FREEDOM, MeanTests
from affect_workbench.analyses.inference.pairs.pairing import Pairing
from affect_workbench.arrays import Floats

METHOD = "pairs"


@dataclass(frozen=True)
class PairedMeans:
    """Tests of `s` slices of which some are compared in pairs, and what stands beside them, `(s,)` each.

    Attributes:
        tests: of all slices.
        n: pictures of each slice that are compared.
        m: pictures beside it that are.
        mean: of the slice; over pairs of pictures that are compared so.
        other: of what it is compared with.
        pairs: pairs; NaN in slices that are not compared in pairs.
        mixed: those of them that differ in another attribute too.
    """

    tests: MeanTests
    n: Floats
    m: Floats
    mean: Floats
    other: Floats
    pairs: Floats
    mixed: Floats


def paired_means(plain: PairedMeans, pairing: Pairing, values: Floats, *, spread: float) -> PairedMeans:
    """The same with what pairs say, in the slices that are compared in them.

    Args:
        plain: of all slices, compared with all other pictures.
        pairing: which slices, in which pairs; pictures whose number is not known are in none.
        values: the numbers `(n,)`.
        spread: their standard deviation, for the design effect.
    """
    seen, used = pairing.contrast(values[:, None]), pairing.used
    effect, variance, freedom = (part[:, 0] for part in (seen.effect, seen.variance, seen.freedom))
    n, m, tests = seen.n[:, 0], seen.m[:, 0], plain.tests
    tested = used & np.isfinite(variance) & (freedom >= LEAST_FREEDOM)
    p = Contrast(seen.effect, seen.variance, seen.freedom, seen.groups).p[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        design_effect = variance / (spread**2 * (1 / n + 1 / m))
    method = np.where(used, np.where(tested, METHOD, "none"), tests.method).astype(object)

    def instead(own: Floats, of: Floats) -> Floats:
        return np.where(used, own, of)

    chance: tuple[Floats | None, ...] = tuple(None if here else one for here, one in zip(used, tests.chance, strict=True))
    return PairedMeans(
        MeanTests(
            instead(effect, tests.effect),
            instead(np.sqrt(variance), tests.error),
            instead(freedom, tests.freedom),
            instead(np.where(tested, p, np.nan), tests.p),
            method,
            instead(np.where(np.isfinite(design_effect), design_effect, 1.0), tests.design_effect),
            instead(seen.groups[:, 0], tests.groups),
            chance,
        ),
        instead(n, plain.n),
        instead(m, plain.m),
        instead(seen.inside[:, 0], plain.mean),
        instead(seen.outside[:, 0], plain.other),
        np.where(used, pairing.pairs, np.nan),
        np.where(used, pairing.mixed, np.nan),
    )
