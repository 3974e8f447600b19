"""Which causes came, went, grew or shrank from one model to another on the same pictures?"""

from __future__ import annotations

import numpy as np
import pandas as pd

CHANGES = ("came", "grew", "shrank", "same", "went")
"""In the order in which they are told."""
CHANGE_COLUMNS = ("change", "cause", "slice", "where", "emotion", "kind_a", "kind_b", "adjusted_a", "adjusted_b")
"""Of one row a cause of either model: what became of it; its name and place; its kind, and what it adds to the predictions
with the other causes held, in the first and the second model (None and NaN where that has no such cause)."""


def cause_changes(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """One row a cause of either model, `CHANGE_COLUMNS`, by change and then by size.

    A cause that both have grew or shrank where its adjusted effects differ by more than their intervals together allow, as
    if these came from different pictures: on the same ones they are surer, so that this is said too rarely, not too often.

    Args:
        first: the causes of one audit (`analyses.skew.causes.table.CAUSE_COLUMNS`).
        second: those of another on the same pictures.
    """
    sides = [_keyed(one, end) for one, end in ((first, "a"), (second, "b"))]
    both = sides[0].join(sides[1], how="outer").rename_axis(None)
    if not len(both):
        return pd.DataFrame(columns=list(CHANGE_COLUMNS))
    adjusted = [both[f"adjusted_{end}"].to_numpy(float) for end in "ab"]
    error = np.hypot(both["half_a"].to_numpy(float), both["half_b"].to_numpy(float))
    growth = np.abs(adjusted[1]) - np.abs(adjusted[0])
    both["change"] = np.select(
        [np.isnan(adjusted[0]), np.isnan(adjusted[1]), growth > error, growth < -error],
        ["came", "went", "grew", "shrank"],
        "same",
    )
    both["cause"] = both.index
    for name in ("slice", "where", "emotion"):
        both[name] = both[f"{name}_b"].where(both[f"{name}_b"].notna(), both[f"{name}_a"])
    order = pd.DataFrame(
        {
            "change": both["change"].map({change: rank for rank, change in enumerate(CHANGES)}),
            "size": -np.fmax(np.abs(adjusted[0]), np.abs(adjusted[1])),
            "cause": both["cause"],
        }
    ).sort_values(["change", "size", "cause"], kind="stable")
    told = both.loc[order.index, list(CHANGE_COLUMNS)].reset_index(drop=True).astype({"kind_a": object, "kind_b": object})
    return told.assign(**{name: told[name].where(told[name].notna(), None) for name in ("kind_a", "kind_b")})


def _keyed(causes: pd.DataFrame, end: str) -> pd.DataFrame:
    half = (causes["adjusted_high"].astype(float) - causes["adjusted_low"].astype(float)) / 2
    kept = causes.set_index("cause")[["slice", "where", "emotion", "kind"]].add_suffix(f"_{end}")
    return kept.assign(**{f"adjusted_{end}": causes["adjusted_effect"].to_numpy(float), f"half_{end}": half.to_numpy(float)})
