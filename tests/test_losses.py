"""Is every loss what its written-out loop says, and smaller when pictures are nearer their own label?"""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import normalize

from probes.config import LOSS_NAMES
from probes.losses import LOSSES, cosine_embedding, info_nce, nt_xent, sup_con

T = 0.1


def batch(n: int, k: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    z, bank = (normalize(torch.randn(rows, 5, generator=rng, dtype=torch.float64), dim=1) for rows in (n, k))
    return z, bank, torch.randint(k, (n,), generator=rng)


def dot(a: torch.Tensor, b: torch.Tensor) -> float:
    return sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True))


def cosine_embedding_loop(z, bank, y) -> float:
    return sum(1 - dot(z[i], bank[y[i]]) for i in range(len(y))) / len(y)


def info_nce_loop(z, bank, y) -> float:
    total = 0.0
    for i in range(len(y)):
        everything = sum(math.exp(dot(z[i], anchor) / T) for anchor in bank)
        total -= math.log(math.exp(dot(z[i], bank[y[i]]) / T) / everything)
    return total / len(y)


def entries(z, bank, y) -> list[tuple[torch.Tensor, int, int]]:
    """(vector, label, number of the pair) of the 2n entries: pictures, then their label texts."""
    pictures = [(z[i], int(y[i]), i) for i in range(len(y))]
    return pictures + [(bank[y[i]], int(y[i]), i) for i in range(len(y))]


def nt_xent_loop(z, bank, y) -> float:
    """The partner against itself and every entry of another label."""
    both = entries(z, bank, y)
    total = 0.0
    for i, (vector, label, pair) in enumerate(both):
        positive = negatives = 0.0
        for j, (other, other_label, other_pair) in enumerate(both):
            if i != j and other_pair == pair:
                positive = math.exp(dot(vector, other) / T)
            elif other_label != label:
                negatives += math.exp(dot(vector, other) / T)
        total -= math.log(positive / (positive + negatives))
    return total / len(both)


def sup_con_loop(z, bank, y) -> float:
    """The mean over positives of each one's log share of all other entries."""
    both = entries(z, bank, y)
    total = 0.0
    for i, (vector, label, _) in enumerate(both):
        others = [(other, other_label) for j, (other, other_label, _) in enumerate(both) if j != i]
        everything = sum(math.exp(dot(vector, other) / T) for other, _ in others)
        logs = [math.log(math.exp(dot(vector, other) / T) / everything) for other, same in others if same == label]
        total -= sum(logs) / len(logs)
    return total / len(both)


LOOPS = {
    "info_nce": info_nce_loop, "cosine_embedding": cosine_embedding_loop, "nt_xent": nt_xent_loop, "sup_con": sup_con_loop,
}  # fmt: skip


def test_the_names_a_config_offers_are_the_losses() -> None:
    assert tuple(LOSSES) == LOSS_NAMES
    assert set(LOOPS) == set(LOSSES)
    assert [LOSSES[name] for name in LOSS_NAMES] == [info_nce, cosine_embedding, nt_xent, sup_con]


@pytest.mark.parametrize(("n", "k"), [(1, 2), (2, 6), (7, 3), (33, 25)])
@pytest.mark.parametrize("name", LOSS_NAMES)
def test_a_loss_is_its_written_out_loop(name: str, n: int, k: int) -> None:
    z, bank, y = batch(n, k, seed=n)
    assert LOSSES[name](z, bank, y, temperature=T).item() == pytest.approx(LOOPS[name](z, bank, y), abs=1e-9)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_good_is_smaller_than_bad(name: str) -> None:
    noise, _, y = batch(12, 4)
    bank = torch.eye(4, 5, dtype=torch.float64)
    own, other = bank[y], bank[(y + 1) % 4]
    good, halfway, bad = (normalize(vectors + 0.1 * noise, dim=1) for vectors in (own, own + other, other))
    losses = [LOSSES[name](z, bank, y, temperature=T).item() for z in (good, halfway, bad)]
    assert losses[0] < losses[1] < losses[2]


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_descending_the_loss_brings_pictures_nearer_their_own_label(name: str) -> None:
    z, bank, y = batch(12, 4)
    free = z.clone().requires_grad_()
    LOSSES[name](normalize(free, dim=1), bank, y, temperature=T).backward()
    assert free.grad is not None
    moved = normalize(z - 0.05 * free.grad, dim=1)
    assert cosine_embedding(moved, bank, y) < cosine_embedding(z, bank, y)


@pytest.mark.parametrize("name", LOSS_NAMES)
@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 2, 3], [2]], ids=["one label", "all different", "one picture"])
def test_loss_and_gradient_are_finite_in_any_batch(name: str, labels: list[int]) -> None:
    z, bank, _ = batch(len(labels), 4)
    free = z.float().requires_grad_()
    value = LOSSES[name](normalize(free, dim=1), bank.float(), torch.tensor(labels), temperature=0.01)
    value.backward()
    assert torch.isfinite(value)
    assert free.grad is not None
    assert torch.isfinite(free.grad).all()


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_the_order_of_the_batch_does_not_matter(name: str) -> None:
    z, bank, y = batch(9, 4)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    assert LOSSES[name](z[order], bank, y[order], temperature=T).item() == pytest.approx(
        LOSSES[name](z, bank, y, temperature=T).item(), abs=1e-12
    )


def test_pictures_of_one_label_do_not_repel_each_other_in_nt_xent() -> None:
    z, bank, _ = batch(6, 3)
    same = torch.zeros(6, dtype=torch.long)
    assert nt_xent(z, bank, same, temperature=T).item() == pytest.approx(0, abs=1e-9)
