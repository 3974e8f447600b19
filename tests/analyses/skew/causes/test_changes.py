"""What became of each cause from one model to another?"""

from __future__ import annotations

import pandas as pd

from affect_workbench.analyses.skew.causes.changes import CHANGE_COLUMNS, cause_changes
from affect_workbench.analyses.skew.causes.table import CAUSE_COLUMNS


def causes(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Name, kind and adjusted effect of each, with an interval of 3 points either way."""
    return pd.DataFrame(
        [
            {"cause": name, "slice": name, "where": {"a": name}, "emotion": "anger", "kind": kind}
            | {"adjusted_effect": size, "adjusted_low": size - 0.03, "adjusted_high": size + 0.03}
            for name, kind, size in rows
        ],
        columns=list(CAUSE_COLUMNS),
    )


def test_causes_come_go_grow_shrink_and_stay() -> None:
    first = causes(("gone", "new", 0.2), ("grown", "new", -0.1), ("shrunk", "amplified", 0.3), ("kept", "new", 0.10))
    second = causes(("kept", "new", 0.14), ("grown", "new", -0.2), ("shrunk", "new", 0.1), ("born", "new", 0.05))
    told = cause_changes(first, second)
    assert list(told.columns) == list(CHANGE_COLUMNS)
    assert dict(zip(told["cause"], told["change"], strict=True)) == {
        "born": "came",
        "grown": "grew",
        "shrunk": "shrank",
        "kept": "same",  # 4 points more, of 4.2 that two intervals of 3 allow
        "gone": "went",
    }
    assert list(told["change"]) == ["came", "grew", "shrank", "same", "went"]
    shrunk = told.set_index("cause").loc["shrunk"]
    assert (shrunk["kind_a"], shrunk["kind_b"], shrunk["adjusted_a"]) == ("amplified", "new", 0.3)
    born = told.set_index("cause").loc["born"]
    assert born["kind_a"] is None
    assert born["where"] == {"a": "born"}


def test_without_causes_there_is_nothing_to_tell() -> None:
    assert cause_changes(causes(), causes()).empty
