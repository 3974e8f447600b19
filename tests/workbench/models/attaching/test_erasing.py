"""Is what erasing did told in plain words, also where it did more than all, or less than nothing?"""

from __future__ import annotations

import pandas as pd
import pytest

from affect_workbench.workbench.models.attaching.erasing import causal_sentences

SKEW = "the skew of tone: dark toward joy (+30.0 to +5.0 points)"


@pytest.mark.parametrize(
    ("removed", "random", "told"),
    [
        (0.94, 0.02, f"takes 94 % of {SKEW}; random directions take 2 % of it"),
        (1.0, 0.0, f"takes 100 % of {SKEW}; random directions take 0 % of it"),
        (1.11, -0.001, f"takes all of {SKEW}, and beyond (111 %)"),
        (-0.2, -0.03, f"takes nothing of {SKEW}, and it grows by 20 %"),
    ],
)
def test_the_share_that_is_gone_is_told_in_plain_words(removed, random, told):
    row = {"attribute": "tone", "slice": "tone: dark", "emotion": "joy", "before": 0.3, "after": 0.05, "erased": True}
    (sentence,) = causal_sentences(pd.DataFrame([row | {"removed": removed, "random_removed": random}]))
    assert sentence.startswith(f"erasing tone {told}")
    assert "-" not in sentence
