"""Which slices differ in which numbers (valence, a text's score, a rating)? One table an outcome, one more within strata."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.disparities.adjusted_numbers import adjusted_numeric_table
from affect_workbench.analyses.disparities.number_tests import DEFAULT_TOLERANCE
from affect_workbench.analyses.disparities.numbers import numeric_table
from affect_workbench.analyses.inference.intervals import distance_from_zero
from affect_workbench.analyses.slices.sliced import Sliced
from affect_workbench.analyses.slices.strata import Strata
from affect_workbench.arrays import Floats
from affect_workbench.data.datasets.measurements import require_numbers
from affect_workbench.data.tables.magnitude import require_moderate

OUTCOME_PREFIX = "outcome "
ADJUSTED_PREFIX = "adjusted outcome "
OUTCOME_COLUMNS = (
    "outcome",
    "slice",
    "where",
    "n",
    "n_complement",
    "left_out",
    "mean",
    "complement_mean",
    "effect",
    "low",
    "high",
    "p",
    "method",
    "q",
    "adjusted_low",
    "adjusted_high",
    "tolerance",
    "spread",
    "detectable",
    "verdict",
    "low_evidence",
    "design_effect",
    "explained_by",
    "pairs",
    "pairs_mixed",
)


def outcome_tables(
    data: Sliced, config: AuditConfig, *, name: str, adjusted_for: Strata | None = None
) -> dict[str, pd.DataFrame]:
    """What an audit keeps of one outcome: `numeric_table` of it and, with strata, `adjusted_numeric_table`.

    Args:
        data: pictures with the outcome in a column of their rows.
        config: its rules and sampling.
        name: the column of the outcome.
        adjusted_for: the strata, where something is held fixed.

    Raises:
        ValueError: no such column, text in it, the outcome itself is held fixed, or see the tables.
    """
    if adjusted_for is not None and name in adjusted_for.columns:
        raise ValueError(f"outcome {name!r} is also adjusted for: leave it out of --adjust-for, or out of --outcomes")
    values, rules, sampling = numbers_of(data.rows, name), config.rules, config.sampling
    found = {OUTCOME_PREFIX + name: numeric_table(values, data, rules=rules, sampling=sampling, name=name)}
    if adjusted_for is not None:
        table = adjusted_numeric_table(values, data, adjusted_for=adjusted_for, rules=rules, sampling=sampling, name=name)
        found[ADJUSTED_PREFIX + name] = table
    return found


def outcome_findings(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """All rows of all outcomes, columns `OUTCOME_COLUMNS`: the skewed ones first, then by what is surely reached.

    Reach is counted in standard deviations of the outcome, so that outcomes of different units share one order.
    """
    parts = [
        table.assign(outcome=name.removeprefix(OUTCOME_PREFIX))
        for name, table in tables.items()
        if name.startswith(OUTCOME_PREFIX) and len(table)
    ]
    if not parts:
        return pd.DataFrame(columns=list(OUTCOME_COLUMNS))
    found = pd.concat([part.reindex(columns=list(OUTCOME_COLUMNS)) for part in parts], ignore_index=True)
    # Version 0.1.0 kept no standard deviation, and no other tolerance than this one.
    found["spread"] = found["spread"].astype(float).fillna(found["tolerance"] / DEFAULT_TOLERANCE)
    order = pd.DataFrame(
        {
            "skewed": found["verdict"] != "skewed",
            "explained_by": found["explained_by"].notna(),
            "tested": found["effect"].isna(),
            "conditions": found["where"].map(len),
            "surely": -distance_from_zero(found["low"], found["high"]) / found["spread"],
            "size": -found["effect"].abs() / found["spread"],
            "slice": found["slice"],
            "outcome": found["outcome"],
        }
    )
    return found.iloc[order.sort_values(list(order.columns), kind="stable").index].reset_index(drop=True)


def numbers_of(rows: pd.DataFrame, column: str) -> Floats:
    """The column as numbers, NaN where unknown.

    Raises:
        ValueError: no such column, it holds text, or numbers too large to be averaged.
    """
    if column not in rows:
        raise ValueError(f"no outcome {column!r} in the data: columns are {', '.join(map(str, rows.columns[:20]))}")
    require_numbers(rows, column)
    values = rows[column].to_numpy(np.float64, na_value=np.nan)
    require_moderate(values, what=f"outcome {column!r}")
    return values
