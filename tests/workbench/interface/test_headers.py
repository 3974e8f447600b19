"""Under which headers are saved tables and users' own columns shown?"""

from __future__ import annotations

import pandas as pd

from affect_workbench.workbench.interface.headers import headed, raw_names


def test_columns_are_headed_in_words_and_tell_their_own_name():
    table = pd.DataFrame(columns=["image_id", "scene_kind", "tone"])
    assert list(headed(table)) == ["picture", "scene kind", "tone"]
    assert raw_names(table) == {"scene kind": {"help": "column scene_kind"}}


def test_columns_that_would_be_headed_alike_keep_their_names():
    table = pd.DataFrame([[1, 2, 3, 4]], columns=["scene_kind", "scene kind", "audit_margin", "margin"])
    assert list(headed(table)) == list(table.columns)
    assert headed(table).iloc[0].tolist() == [1, 2, 3, 4]
    assert raw_names(table) == {}
