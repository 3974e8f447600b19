"""Do splits follow the picture's bytes alone: whatever the order, with copies together, barely moved by new pictures?"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affect_workbench.data.datasets.hash_splits import hash_splits

LISTS = st.lists(st.tuples(st.integers(0, 60).map(str), st.sampled_from(["joy", "fear", None])), max_size=80)


def names(number: int, prefix: str = "picture") -> list[str]:
    return [f"{prefix}-{i}" for i in range(number)]


def test_every_label_has_its_shares_to_within_one_picture() -> None:
    label = ["joy"] * 137 + ["fear"] * 41 + [None] * 20
    split = hash_splits(names(198), label)
    for name in ("joy", "fear", None):
        members = Counter(split[[item == name for item in label]])
        n = label.count(name)
        for part, share in {"train": 0.8, "val": 0.1, "test": 0.1}.items():
            assert abs(members[part] - share * n) <= 1


@given(LISTS, st.randoms(use_true_random=False))
def test_neither_order_nor_copies_matter(rows: list[tuple[str, str | None]], random: object) -> None:
    split = dict(zip(rows, hash_splits(*_columns(rows)), strict=True))
    shuffled = rows[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert dict(zip(shuffled, hash_splits(*_columns(shuffled)), strict=True)) == split
    by_content: dict[str, set[str]] = {}
    for (content, _), part in split.items():
        by_content.setdefault(content, set()).add(part)
    assert all(len(parts) == 1 for parts in by_content.values()), "copies straddle a split"


@given(st.integers(1, 60), st.integers(0, 30))
def test_new_pictures_move_few_old_ones_and_none_of_another_label(n: int, m: int) -> None:
    old, other = names(n), names(25, "other")
    before = hash_splits(old + other, ["joy"] * n + ["fear"] * 25)
    after = hash_splits(old + other + names(m, "new"), ["joy"] * n + ["fear"] * 25 + ["joy"] * m)
    assert (before[n:] == after[n : n + 25]).all()
    order = {"train": 0, "val": 1, "test": 2}
    was, now = (np.array([order[part] for part in parts[:n]]) for parts in (before, after))
    for cut in (0, 1):
        assert ((was <= cut) != (now <= cut)).sum() <= m


def test_the_python_hash_seed_does_not_matter() -> None:
    code = (
        "from affect_workbench.data.datasets.hash_splits import hash_splits\n"
        "print(*hash_splits(list('abcdefghij'), list('xxxxxyyyyy')))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert said == {" ".join(hash_splits(list("abcdefghij"), list("xxxxxyyyyy"))) + "\n"}


def test_a_lone_picture_is_trained_on_and_none_is_fine() -> None:
    assert list(hash_splits(["a"], ["joy"])) == ["train"]
    assert list(hash_splits([], [])) == []


def test_other_shares_and_bad_ones() -> None:
    assert Counter(hash_splits(names(10), ["joy"] * 10, shares={"a": 0.5, "b": 0.5})) == {"a": 5, "b": 5}
    with pytest.raises(ValueError, match="expected positive numbers that add up to 1"):
        hash_splits(["a"], ["joy"], shares={"train": 0.8, "test": 0.1})
    with pytest.raises(ValueError, match="2 contents for 1 labels"):
        hash_splits(["a", "b"], ["joy"])


def _columns(rows: list[tuple[str, str | None]]) -> tuple[list[str], list[str | None]]:
    return [content for content, _ in rows], [label for _, label in rows]
