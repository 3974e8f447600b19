"""What should training pull together and push apart? Every loss is smaller when pictures are nearer their own label.

`z (n, m)` are projected pictures and `bank (K, m)` label anchors, both of unit rows; `y (n,)` label positions in the bank.
`Extras` say what is not to be pushed apart, and how one picture shares out over labels. Averages are over pictures; no loop
over pictures anywhere. Proxy and margin losses are those of `pytorch-metric-learning`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from affect_workbench.probes.config import loss_parts

MARGIN = 0.2
"""Of the margin losses, in units of cosine."""


@dataclass(frozen=True)
class Extras:
    """What a loss may be told beyond pictures, anchors and labels.

    Attributes:
        temperature: divides cosines; a tensor where it is learned.
        not_negative: `(K, K)` bool, symmetric, true on the diagonal: labels never to be pushed apart; None for the diagonal.
        soft: `(n, K)` rows that sum to one: how each picture shares out over labels; None for its label alone.
        equivalent: `(K, K)` bool: labels of other taxonomies that a map calls the same feeling; None for one taxonomy.
        blocks: `(K,)` number of the taxonomy that each label is of; None likewise.
    """

    temperature: float | Tensor = 0.1
    not_negative: Tensor | None = None
    soft: Tensor | None = None
    equivalent: Tensor | None = None
    blocks: Tensor | None = None

    def same(self, y: Tensor, other: Tensor) -> Tensor:
        """`(n, l)`: whether labels `y (n,)` and `other (l,)` are one, or must not be pushed apart."""
        return y[:, None] == other if self.not_negative is None else self.not_negative[y[:, None], other]


Loss = Callable[[Tensor, Tensor, Tensor, Extras], Tensor]


def cosine_embedding(z: Tensor, bank: Tensor, y: Tensor, extras: Extras) -> Tensor:
    """Mean of 1 - cos(picture, its label): attraction only, TinyEmo's `CosineEmbedding`. Soft labels weight the cosines."""
    if extras.soft is not None:
        return (1 - (z @ bank.T * extras.soft).sum(dim=1)).mean()
    return (1 - (z * bank[y]).sum(dim=1)).mean()


def info_nce(z: Tensor, bank: Tensor, y: Tensor, extras: Extras) -> Tensor:
    """Cross-entropy of cos / temperature over the label bank: labels that exclude the picture's own are the negatives.

    Labels that are not negatives are left out of the sum, except those that soft labels give a share.
    Source: van den Oord et al. 2018, https://arxiv.org/abs/1807.03748, with the label set as the candidate set.
    """
    logits = z @ bank.T / extras.temperature
    target = extras.soft
    if extras.not_negative is not None:
        wanted = functional.one_hot(y, len(bank)).bool() if target is None else target > 0
        logits = logits.masked_fill(extras.not_negative[y] & ~wanted, float("-inf"))
    if target is None:
        return functional.cross_entropy(logits, y)
    shares = logits - logits.logsumexp(dim=1, keepdim=True)
    return -(shares.masked_fill(target == 0, 0) * target).sum(dim=1).mean()


def nt_xent(z: Tensor, bank: Tensor, y: Tensor, extras: Extras) -> Tensor:
    """NT-Xent over the batch's (picture, label text) pairs; each of the 2n entries has its partner as positive.

    Entries of the same label are not negatives (in the published TinyEmo loop they were).
    Source: Chen et al. 2020, https://arxiv.org/abs/2002.05709.
    """
    n = len(y)
    both, labels = torch.cat([z, bank[y]]), torch.cat([y, y])
    partner = torch.arange(2 * n, device=z.device).roll(n)
    ignored = extras.same(labels, labels).scatter(1, partner[:, None], False)
    return functional.cross_entropy((both @ both.T / extras.temperature).masked_fill(ignored, float("-inf")), partner)


def sup_con(z: Tensor, bank: Tensor, y: Tensor, extras: Extras) -> Tensor:
    """Supervised contrastive loss over pictures and their label texts: every entry of the same label is a positive.

    The log-probability is averaged over an anchor's positives (`L_out`).
    Source: Khosla et al. 2020, https://arxiv.org/abs/2004.11362.
    """
    both, labels = torch.cat([z, bank[y]]), torch.cat([y, y])
    itself = torch.eye(len(both), dtype=torch.bool, device=z.device)
    positive = (labels[:, None] == labels) & ~itself
    neither = extras.same(labels, labels) & ~positive
    logits = (both @ both.T / extras.temperature).masked_fill(neither, float("-inf"))
    log_share = logits - logits.logsumexp(dim=1, keepdim=True)
    return -(log_share.masked_fill(~positive, 0).sum(dim=1) / positive.sum(dim=1)).mean()


def triplet(z: Tensor, bank: Tensor, y: Tensor, extras: Extras) -> Tensor:
    """A picture is nearer its own label than each label that excludes it, by `MARGIN` of cosine (`TripletMarginLoss`).

    Source: Schroff et al. 2015, https://arxiv.org/abs/1503.03832, with label anchors as positives and negatives.
    """
    from pytorch_metric_learning.losses import TripletMarginLoss

    own = torch.arange(len(bank), device=z.device)
    picture, negative = (~extras.same(y, own)).nonzero(as_tuple=True)
    loss = TripletMarginLoss(margin=MARGIN, distance=_cosine())
    value: Tensor = loss(z, y, indices_tuple=(picture, y[picture], negative), ref_emb=bank, ref_labels=own)
    return value


def multi_similarity(z: Tensor, bank: Tensor, y: Tensor, extras: Extras) -> Tensor:
    """Pairs weigh more the harder they are (`MultiSimilarityLoss`); pairs are pictures and label anchors.

    Source: Wang et al. 2019, https://arxiv.org/abs/1904.06627.
    """
    from pytorch_metric_learning.losses import MultiSimilarityLoss

    own = torch.arange(len(bank), device=z.device)
    picture, negative = (~extras.same(y, own)).nonzero(as_tuple=True)
    everyone = torch.arange(len(y), device=z.device)
    value: Tensor = MultiSimilarityLoss()(z, y, indices_tuple=(everyone, y, picture, negative), ref_emb=bank, ref_labels=own)
    return value


def proxy_anchor(z: Tensor, bank: Tensor, y: Tensor, extras: Extras) -> Tensor:
    """Label anchors as proxies that pull all pictures of their label and push the others (`ProxyAnchorLoss`).

    Source: Kim et al. 2020, https://arxiv.org/abs/2003.13911; the proxies are the anchors and do not move.
    """
    from pytorch_metric_learning.losses import ProxyAnchorLoss

    loss = ProxyAnchorLoss(len(bank), bank.shape[1])
    del loss.proxies
    loss.proxies = bank
    value: Tensor = loss(z, y)
    return value


def other_names(z: Tensor, bank: Tensor, y: Tensor, extras: Extras) -> Tensor:
    """Every picture is read by the other taxonomies' labels too, where a map says which it has there: rage as anger.

    For another taxonomy the negative log of the probability, softmax(cos / temperature) over its labels, that falls on the
    twins of the picture's own label, one of them or any; mean over pictures and other taxonomies. A label without a twin
    there asks for nothing. Not pushing twins apart does not yet bring them together: where the anchors of two taxonomies
    lie apart, only this does.
    Source: Cour et al. 2011, https://jmlr.org/papers/v12/cour11a.html (learning from a set of candidate labels).
    """
    if extras.blocks is None or extras.equivalent is None:
        return z.sum() * 0
    logits, total = z @ bank.T / extras.temperature, z.sum() * 0
    kinds = extras.blocks.unique()
    for kind in kinds:
        there = extras.blocks == kind
        twin = extras.equivalent[y][:, there]
        told = twin.any(dim=1)
        shares = logits[:, there].log_softmax(dim=1).masked_fill(~twin & told[:, None], float("-inf"))
        total = total - shares.logsumexp(dim=1).masked_fill(~told, 0).sum()
    return total / (len(y) * max(len(kinds) - 1, 1))


def _cosine() -> Any:
    from pytorch_metric_learning.distances import CosineSimilarity

    return CosineSimilarity()


LOSSES: Mapping[str, Loss] = {
    "info_nce": info_nce,
    "cosine_embedding": cosine_embedding,
    "nt_xent": nt_xent,
    "sup_con": sup_con,
    "triplet": triplet,
    "multi_similarity": multi_similarity,
    "proxy_anchor": proxy_anchor,
}
"""The losses by the name that a config uses (`probes.config.LOSS_NAMES`)."""


def loss_called(text: str) -> Loss:
    """One of `LOSSES`, or their weighted sum (see `probes.config.loss_parts`).

    Raises:
        ValueError: a part that is no known loss.
    """
    parts = loss_parts(text)

    def total(z: Tensor, bank: Tensor, y: Tensor, extras: Extras) -> Tensor:
        values = [weight * LOSSES[name](z, bank, y, extras) for weight, name in parts]
        return torch.stack(values).sum() if len(values) > 1 else values[0]

    return total
