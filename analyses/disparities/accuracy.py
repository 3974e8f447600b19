"""In which slices is the model right more often, or less often, than on the other pictures, and is that more than chance?

With one label a picture the accuracy of a slice is a rate; with votes it is the vote agreement, the mean share of votes that
the predicted label has. Interval and p are those of `analyses.inference.means.shares`, with groups as units where pictures
come in groups. Each slice is one test; they are corrected and judged as all slices are
(`analyses.inference.verdicts.verdicts`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from affect_workbench.analyses.inference.means.shares import share_gap
from affect_workbench.analyses.inference.means.spread import Spread
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.inference.verdicts import DECIDED, LOW_EVIDENCE_COUNT, STANDARD, Evidence, Rules, verdicts
from affect_workbench.analyses.slices.families import slice_families
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import SliceSums

ACCURACY = "accuracy"
"""Name of the table in `AuditResult.tables`."""
ACCURACY_COLUMNS = (
    *("slice", "where", "order", "n", "n_complement", "accuracy", "complement_accuracy"),
    *DECIDED,
    *("low_evidence", "design_effect"),
)


def accuracy_table(
    sums: SliceSums, data: SlicedPredictions, *, rules: Rules = STANDARD, spread: Spread | None = None
) -> pd.DataFrame:
    """One row a slice, in the order of `sums`; shares, NaN where not known.

    Columns: `slice`, `where`, `order`; `n`, `n_complement`, pictures with a truth; `accuracy` (with votes: vote agreement)
    and `complement_accuracy`; `effect`, the first minus the second, with its 95 % interval `low`, `high`; `p`, `q`; for
    q <= alpha the interval `adjusted_low`, `adjusted_high` at the level that allows for the picking; `verdict`, one of
    `analyses.inference.verdicts.VERDICTS`; `low_evidence`; `design_effect`.

    Args:
        sums: over slices of the pictures' scores.
        data: the pictures, some of which have a truth.
        rules: what decides a verdict.
        spread: of `hit`, where pictures come in groups (`analyses.inference.clusters.group_spreads`).

    Raises:
        ValueError: no picture has a truth.
    """
    scores = data.scores
    if "hit" not in scores:
        raise ValueError("no picture has a label or votes: accuracy is not known")
    own, other = (
        Sums(*(side[:, scores.at[kind]] for kind in ("hit", "hit2", "labelled"))) for side in (sums.inside, sums.outside)
    )
    design_effect = np.ones(own.n.shape) if spread is None else spread.design_effect
    gap = share_gap(own, other, spread=spread)
    tested = (np.minimum(own.n, other.n) >= rules.min_count) & np.isfinite(design_effect)
    few = np.minimum(own.n, other.n) / np.fmax(design_effect, 1.0) < LOW_EVIDENCE_COUNT
    evidence = Evidence(own.mean, other.mean, np.where(tested, gap.p, np.nan), gap.interval, few)
    cells = verdicts(evidence, rules, families=slice_families(sums.specs, data.inferred))
    columns = {
        "n": np.rint(own.n).astype(np.int64),
        "n_complement": np.rint(other.n).astype(np.int64),
        "accuracy": cells.rate,
        "complement_accuracy": cells.complement_rate,
        **{name: getattr(cells, name) for name in DECIDED},
        "low_evidence": cells.low_evidence,
        "design_effect": np.where(np.isfinite(design_effect), design_effect, 1.0),
    }
    for name in ("accuracy", "complement_accuracy", "effect", "low", "high"):
        columns[name] = np.where(cells.tested, columns[name], np.nan)
    table = pd.DataFrame(
        {
            "slice": [spec.name for spec in sums.specs],
            "where": [spec.as_json() for spec in sums.specs],
            "order": [spec.order for spec in sums.specs],
        }
        | {name: values[:, 0] for name, values in columns.items()}
    )
    return table[list(ACCURACY_COLUMNS)]
