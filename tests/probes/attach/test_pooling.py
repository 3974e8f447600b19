"""One vector from many tokens, against numpy; and which rows belong to which picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from affect_workbench.probes.attach.pooling import POOLS, NoCommonSplit, pooled, split_rows


@pytest.fixture
def tokens():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(count, 5, generator=generator) for count in (3, 1, 7)]


def test_pools_are_what_numpy_makes_of_them(tokens):
    weights = [torch.arange(len(one)) + 1.0 for one in tokens]
    arrays = [one.numpy() for one in tokens]
    expected = {
        "mean": [one.mean(axis=0) for one in arrays],
        "max": [one.max(axis=0) for one in arrays],
        "last": [one[-1] for one in arrays],
        "attention": [np.average(one, axis=0, weights=np.arange(len(one)) + 1) for one in arrays],
    }
    assert set(expected) == set(POOLS)
    for pool, rows in expected.items():
        np.testing.assert_allclose(pooled(tokens, pool, weights).numpy(), np.stack(rows), rtol=1e-6, atol=1e-6)


def test_half_precision_is_averaged_in_single(tokens):
    many = torch.full((5_000, 1), 1.0, dtype=torch.bfloat16)
    many[0] = 256.0  # in bfloat16 the ones would be lost beside it
    found = pooled([many], "mean")
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(1.051)


def test_what_cannot_be_pooled_is_an_error(tokens):
    with pytest.raises(ValueError, match="no pool is called 'sum': expected mean, max, last, attention"):
        pooled(tokens, "sum")
    with pytest.raises(ValueError, match="needs a weight"):
        pooled(tokens, "attention")
    with pytest.raises(ValueError, match="pays the picture no attention"):
        pooled(tokens, "attention", [torch.zeros(len(one)) for one in tokens])


def rows(*shape):
    return torch.arange(np.prod(shape), dtype=torch.float32).reshape(shape)


@pytest.mark.parametrize(
    ("values", "counts", "sizes"),
    [
        ([rows(5, 4, 2)], [7], [20]),  # one picture: everything is its own
        ([rows(4, 2), rows(6, 2)], [2, 3], [4, 6]),  # the connector was called for each
        ([rows(2, 3, 2)], [5, 9], [3, 3]),  # the first dimension counts pictures
        ([rows(2, 3, 3, 2)], [9, 9], [9, 9]),
        ([rows(20, 2)], [2, 3], [8, 12]),  # rows of all, four to a token
        ([rows(4, 3, 2)], [3, 9], [3, 9]),  # tiles of three tokens
        ([rows(1, 20, 2)], [2, 3], [8, 12]),
    ],
)
def test_rows_are_cut_into_pictures(values, counts, sizes):
    found = split_rows(values, counts)
    assert [len(one) for one in found] == sizes
    torch.testing.assert_close(torch.cat(found), torch.cat([one.reshape(-1, 2) for one in values]))


@pytest.mark.parametrize(
    ("values", "counts"),
    [([rows(21, 2)], [2, 3]), ([rows(4, 3, 2)], [4, 8]), ([rows(4, 3, 2)], [5, 20])],
    ids=["a row too many", "a tile of two pictures", "fewer rows than tokens"],
)
def test_rows_that_cannot_be_told_apart_are_not_guessed_at(values, counts):
    with pytest.raises(NoCommonSplit, match="one picture at a time"):
        split_rows(values, counts)


def test_no_cut_by_count_where_the_counts_are_of_something_else():
    with pytest.raises(NoCommonSplit):
        split_rows([rows(20, 2)], [2, 3], by_count=False)
