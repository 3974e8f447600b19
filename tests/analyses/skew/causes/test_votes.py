"""A few votes tell less than all people would: what is made of them comes nearer to that."""

from __future__ import annotations

import numpy as np
import pytest

from affect_workbench.analyses.skew.causes.votes import expected_shares, followed_shares, votes_of_each
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.conditions import Condition

PEOPLE = 10


@pytest.fixture(scope="module")
def felt():
    """What all people feel `(n, 4)`, the votes of a few, and an attribute that goes along with it."""
    rng = np.random.default_rng(0)
    codes = rng.integers(-1, 3, size=4_000)
    usual = np.array([[4, 3, 2, 1], [1, 1, 1, 7], [2, 6, 1, 1], [5, 1, 3, 1]]) * 0.3  # the last of missing ones
    truth = rng.dirichlet(np.ones(4), 4_000)
    for code in range(-1, 3):
        truth[codes == code] = rng.dirichlet(usual[code], (codes == code).sum())
    attribute = CodedAttribute("place", tuple(Condition("place", f"v{at}") for at in range(3)), codes)
    return truth, rng.multinomial(PEOPLE, truth), attribute


def error(shares, truth):
    return float(((shares - truth) ** 2).mean())


def test_expected_shares_are_nearer_to_all_people_than_the_votes(felt):
    truth, votes, attribute = felt
    shares = votes / PEOPLE
    expected = expected_shares(shares, np.full(len(votes), float(PEOPLE)), [attribute])
    alone = expected_shares(shares, np.full(len(votes), float(PEOPLE)), [])
    np.testing.assert_allclose(expected.sum(axis=1), 1.0)
    # The concentration is 3: of ten votes 10 / 13 count, and their error falls in that ratio.
    assert error(expected, truth) == pytest.approx(10 / 13 * error(shares, truth), rel=0.03)
    assert error(expected, truth) < error(alone, truth) < error(shares, truth)


def test_many_votes_are_left_as_they_are(felt):
    truth, _, attribute = felt
    votes = np.random.default_rng(1).multinomial(100_000, truth)
    expected = expected_shares(votes / 100_000, np.full(len(votes), 1e5), [attribute])
    np.testing.assert_allclose(expected, votes / 100_000, atol=1e-4)


@pytest.mark.parametrize(
    ("votes", "people"),
    [
        ([[3, 7], [10, 0]], [10, 10]),
        ([[1, 1], [4, 0], [0, 3]], [2, 4, 3]),
        ([[0.3, 0.7], [0.9, 0.1]], [10, 10]),
        ([[1 / 3, 2 / 3], [0.5, 0.5]], [6, 6]),
        ([[1, 0], [0, 1]], None),
        ([[0.2, 0.2], [0.4, 0.4]], None),
        ([[0.123457, 0.876543], [0.314159, 0.685841]], None),
    ],
)
def test_the_number_of_people_is_read_off_the_votes(votes, people):
    found = votes_of_each(np.array(votes, dtype=float))
    if people is None:
        assert found is None
    else:
        np.testing.assert_array_equal(found, people)


def test_a_model_that_follows_majorities_is_told_from_one_that_follows_shares(felt):
    truth, _, _ = felt
    rng = np.random.default_rng(2)
    drawn = (rng.random(len(truth))[:, None] > truth.cumsum(axis=1)).sum(axis=1)
    shares, power = followed_shares(truth, drawn)
    assert power == 1.0
    np.testing.assert_allclose(shares, truth)
    shares, power = followed_shares(truth, truth.argmax(axis=1))
    assert power >= 5.0
    np.testing.assert_array_equal(shares.argmax(axis=1), truth.argmax(axis=1))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
