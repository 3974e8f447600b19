"""Is every loss what its written-out loop says, and smaller when pictures are nearer their own label?"""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import normalize

from affect_workbench.probes.config import LOSS_NAMES, SOFT_LOSSES
from affect_workbench.probes.training.losses import (
    LOSSES,
    MARGIN,
    Extras,
    cosine_embedding,
    info_nce,
    loss_called,
    nt_xent,
    other_names,
    proxy_anchor,
)

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


def triplet_loop(z, bank, y) -> float:
    """Mean over the (picture, other label) pairs that violate the margin."""
    violations = []
    for i in range(len(y)):
        own = dot(z[i], bank[y[i]])
        violations += [dot(z[i], anchor) - own + MARGIN for at, anchor in enumerate(bank) if at != y[i]]
    active = [value for value in violations if value > 0]
    return sum(active) / len(active) if active else 0.0


LOOPS = {
    "info_nce": info_nce_loop,
    "cosine_embedding": cosine_embedding_loop,
    "nt_xent": nt_xent_loop,
    "sup_con": sup_con_loop,
    "triplet": triplet_loop,
}


def test_the_names_a_config_offers_are_the_losses() -> None:
    assert tuple(LOSSES) == LOSS_NAMES
    assert set(LOOPS) < set(LOSSES)


@pytest.mark.parametrize(("n", "k"), [(1, 2), (2, 6), (7, 3), (33, 25)])
@pytest.mark.parametrize("name", LOOPS)
def test_a_loss_is_its_written_out_loop(name: str, n: int, k: int) -> None:
    z, bank, y = batch(n, k, seed=n)
    assert LOSSES[name](z, bank, y, Extras(T)).item() == pytest.approx(LOOPS[name](z, bank, y), abs=1e-9)


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_good_is_smaller_than_bad(name: str) -> None:
    noise, _, y = batch(12, 4)
    bank = torch.eye(4, 5, dtype=torch.float64)
    own, other = bank[y], bank[(y + 1) % 4]
    good, halfway, bad = (normalize(vectors + 0.1 * noise, dim=1) for vectors in (own, own + other, other))
    losses = [LOSSES[name](z, bank, y, Extras(T)).item() for z in (good, halfway, bad)]
    assert losses[0] < losses[1] < losses[2]


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_descending_the_loss_brings_pictures_nearer_their_own_label(name: str) -> None:
    z, bank, y = batch(12, 4)
    free = z.clone().requires_grad_()
    LOSSES[name](normalize(free, dim=1), bank, y, Extras(T)).backward()
    assert free.grad is not None
    moved = normalize(z - 0.05 * free.grad, dim=1)
    assert cosine_embedding(moved, bank, y, Extras()) < cosine_embedding(z, bank, y, Extras())


@pytest.mark.parametrize("name", LOSS_NAMES)
@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [0, 1, 2, 3], [2]], ids=["one label", "all different", "one picture"])
def test_loss_and_gradient_are_finite_in_any_batch(name: str, labels: list[int]) -> None:
    z, bank, _ = batch(len(labels), 4)
    free = z.float().requires_grad_()
    value = LOSSES[name](normalize(free, dim=1), bank.float(), torch.tensor(labels), Extras(0.01))
    value.backward()
    assert torch.isfinite(value)
    assert free.grad is not None
    assert torch.isfinite(free.grad).all()


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_the_order_of_the_batch_does_not_matter(name: str) -> None:
    z, bank, y = batch(9, 4)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    assert LOSSES[name](z[order], bank, y[order], Extras(T)).item() == pytest.approx(
        LOSSES[name](z, bank, y, Extras(T)).item(), abs=1e-12
    )


def test_pictures_of_one_label_do_not_repel_each_other_in_nt_xent() -> None:
    z, bank, _ = batch(6, 3)
    same = torch.zeros(6, dtype=torch.long)
    assert nt_xent(z, bank, same, Extras(T)).item() == pytest.approx(0, abs=1e-9)


def twins(k: int) -> torch.Tensor:
    """Labels 0 and 1 are one feeling under two names."""
    mask = torch.eye(k, dtype=torch.bool)
    mask[0, 1] = mask[1, 0] = True
    return mask


@pytest.mark.parametrize("name", ["info_nce", "triplet", "multi_similarity"])
def test_a_twin_is_neither_pushed_away_nor_pulled(name: str) -> None:
    _, bank, _ = batch(1, 4, seed=3)
    z, y = bank[:1].clone().requires_grad_(), torch.tensor([0])
    moved = bank.clone().requires_grad_()
    LOSSES[name](z, moved, y, Extras(T, twins(4))).backward()
    assert moved.grad is None or moved.grad[1].abs().max() == 0
    moved.grad = None
    near = normalize(bank[:1] + bank[1:2], dim=1)
    LOSSES[name](near, moved, y, Extras(T)).backward()
    assert moved.grad is not None
    assert moved.grad[1].abs().max() > 0


@pytest.mark.parametrize("name", ["nt_xent", "sup_con"])
def test_pictures_of_a_twin_label_do_not_repel_each_other_in_the_batch(name: str) -> None:
    z, bank, _ = batch(4, 4)
    y = torch.tensor([0, 0, 1, 1])
    gradients = {}
    for mask in (twins(4), None):
        for sign in (1, -1):
            rows = torch.cat([z[:2], sign * z[2:]]).requires_grad_()
            LOSSES[name](rows, bank, y, Extras(T, mask)).backward()
            gradients[mask is None, sign] = rows.grad[:2]
    torch.testing.assert_close(gradients[False, 1], gradients[False, -1])
    assert not torch.allclose(gradients[True, 1], gradients[True, -1])


def test_soft_labels_that_are_hard_change_nothing() -> None:
    z, bank, y = batch(9, 4)
    hard = torch.nn.functional.one_hot(y, 4).double()
    for name in SOFT_LOSSES:
        assert LOSSES[name](z, bank, y, Extras(T, soft=hard)).item() == pytest.approx(
            LOSSES[name](z, bank, y, Extras(T)).item()
        )
        assert LOSSES[name](z, bank, y, Extras(T, twins(4), hard)).item() == pytest.approx(
            LOSSES[name](z, bank, y, Extras(T, twins(4))).item()
        )


def test_soft_labels_are_cross_entropy_with_shares() -> None:
    z, bank, y = batch(7, 4)
    soft = torch.rand(7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    soft /= soft.sum(dim=1, keepdim=True)
    expected = -((z @ bank.T / T).log_softmax(dim=1) * soft).sum(dim=1).mean()
    assert info_nce(z, bank, y, Extras(T, soft=soft)).item() == pytest.approx(expected.item())


def test_a_learned_temperature_gets_a_gradient() -> None:
    z, bank, y = batch(7, 4)
    log_temperature = torch.tensor(math.log(T), requires_grad=True)
    info_nce(z, bank, y, Extras(log_temperature.exp())).backward()
    assert log_temperature.grad is not None
    assert log_temperature.grad.abs() > 0


def test_proxies_are_the_anchors() -> None:
    from pytorch_metric_learning.losses import ProxyAnchorLoss

    z, bank, y = batch(7, 4)
    theirs = ProxyAnchorLoss(4, 5).double()
    with torch.no_grad():
        theirs.proxies.copy_(bank)
    assert proxy_anchor(z, bank, y, Extras(T)).item() == pytest.approx(theirs(z, y).item())


@pytest.mark.parametrize("text", ["info_nce + 0.5 cosine_embedding", "0.5 * cosine_embedding+info_nce"])
def test_losses_compose_into_their_weighted_sum(text: str) -> None:
    z, bank, y = batch(5, 3)
    expected = info_nce(z, bank, y, Extras(T)) + 0.5 * cosine_embedding(z, bank, y, Extras(T))
    assert loss_called(text)(z, bank, y, Extras(T)).item() == pytest.approx(expected.item(), abs=1e-12)
    assert loss_called("info_nce")(z, bank, y, Extras(T)).item() == info_nce(z, bank, y, Extras(T)).item()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("infonce", "unknown loss 'infonce': expected one of info_nce, .* several with weights"),
        ("info_nce +", "unknown loss 'info_nce \\+'"),
        ("info_nce + infonce", "unknown loss 'infonce'"),
        ("0 info_nce", "weight 0: expected a number above 0"),
        ("1x info_nce", "weight 1x: expected a number"),
        ("info_nce + 2 info_nce", "comes twice"),
    ],
)
def test_a_sum_that_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loss_called(text)


def blocks_of(*sizes: int) -> torch.Tensor:
    return torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))


def test_the_other_names_are_the_written_out_loop() -> None:
    """Two labels, then three, then two: the first label has two twins in the second taxonomy, the last has none."""
    z, bank, y = batch(9, 7)
    twin = torch.zeros(7, 7, dtype=torch.bool)
    for one, other in ((0, 2), (0, 3), (1, 4), (1, 5)):
        twin[one, other] = twin[other, one] = True
    blocks, total = blocks_of(2, 3, 2), 0.0
    for picture, label in zip(z, y.tolist(), strict=True):
        for kind in range(3):
            there = [at for at in range(7) if blocks[at] == kind]
            named = [at for at in there if twin[label, at]]
            if named and kind != blocks[label]:
                weight = {at: math.exp(dot(picture, bank[at]) / T) for at in there}
                total -= math.log(sum(weight[at] for at in named) / sum(weight.values()))
    value = other_names(z, bank, y, Extras(T, equivalent=twin, blocks=blocks))
    assert value.item() == pytest.approx(total / (9 * 2))
    assert other_names(z, bank, y, Extras(T)).item() == 0


def test_other_names_are_better_the_nearer_a_picture_is_to_its_twin() -> None:
    bank = torch.eye(4, dtype=torch.float64)
    twin = torch.tensor([[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]]).bool()
    extras = Extras(T, equivalent=twin, blocks=blocks_of(2, 2))
    y = torch.tensor([0])
    good, bad = (other_names(bank[at : at + 1], bank, y, extras).item() for at in (2, 3))
    assert good < bad
    free = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    other_names(normalize(free, dim=1), bank, torch.tensor([0, 1, 2, 3, 0]), extras).backward()
    assert torch.isfinite(free.grad).all()
    assert (free.grad != 0).any()
