"""Is the attribute gone from every position, with as little else as random directions of the same rank would take?"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from affect_workbench.analyses.fidelity.token_erasers import token_erasers


def pictures(n: int, *, tokens: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens `(n, t, d)` in which an attribute stands in another direction at each position, and labels in one more."""
    rng = np.random.default_rng(seed)
    z, y = rng.integers(0, 2, n), rng.integers(0, 3, n)
    directions, label = rng.standard_normal((tokens, width)), rng.standard_normal((3, width))
    noise = rng.standard_normal((n, tokens, width))
    return noise + 0.8 * z[:, None, None] * directions + label[y][:, None], z, y


def recognised(x: np.ndarray, z: np.ndarray) -> float:
    half = len(x) // 2
    return float(LogisticRegression(max_iter=500).fit(x[:half], z[:half]).score(x[half:], z[half:]))


def test_each_position_loses_the_attribute_and_keeps_the_label() -> None:
    x, z, y = pictures(2_000, tokens=3, width=12)
    made = token_erasers(list(x[:1_000]), z[:1_000], labels=y[:1_000])
    assert made.by_position
    assert len(made.erasers) == 3
    assert [one.rank for one in made.erasers] == [1, 1, 1]
    for at, eraser in enumerate(made.erasers):
        assert recognised(x[1_000:, at], z[1_000:]) > 0.8
        assert recognised(eraser.apply(x[1_000:, at]), z[1_000:]) < 0.56
        assert recognised(eraser.apply(x[1_000:, at]), y[1_000:]) > recognised(x[1_000:, at], y[1_000:]) - 0.05


def test_random_directions_have_the_same_rank_and_leave_the_attribute() -> None:
    x, z, _ = pictures(1_000, tokens=2, width=12)
    made = token_erasers(list(x), z, random=20)
    assert len(made.random) == 20
    assert all([one.rank for one in drawn] == [1, 1] for drawn in made.random)
    left = [recognised(drawn[0].apply(x[:, 0]), z) for drawn in made.random]
    assert np.mean(left) > 0.8
    assert not np.allclose(made.random[0][0].left, made.random[1][0].left)


def test_pictures_with_different_numbers_of_tokens_share_one_eraser() -> None:
    x, z, _ = pictures(400, tokens=3, width=8)
    made = token_erasers([picture[: 2 + at % 2] for at, picture in enumerate(x)], z)
    assert not made.by_position
    assert len(made.erasers) == 1


def test_wide_tokens_are_erased_within_their_leading_components() -> None:
    x, z, _ = pictures(1_200, tokens=1, width=300)
    made = token_erasers(list(x), z, random=1)
    eraser = made.erasers[0]
    assert eraser.left.shape == (300, 1)
    moved = np.linalg.norm(eraser.apply(x[:, 0]) - x[:, 0])
    assert 0 < moved < 0.35 * np.linalg.norm(x)
    assert recognised(eraser.apply(x[:, 0]), z) < recognised(x[:, 0], z) - 0.1


def test_other_pictures_are_refused() -> None:
    x, z, _ = pictures(50, tokens=2, width=4)
    with pytest.raises(ValueError, match="tokens of 50 pictures, attribute of 49"):
        token_erasers(list(x), z[:49])
