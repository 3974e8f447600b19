"""What should training pull together and push apart? Every loss is smaller when pictures are nearer their own label.

All take unit rows. `z (n, m)` are projected pictures, `bank (k, m)` label anchors, `y (n,)` label positions.
Averages are over pictures; no loop over pictures anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

Loss = Callable[..., Tensor]


def cosine_embedding(z: Tensor, bank: Tensor, y: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Mean of 1 - cos(picture, its label): attraction only, TinyEmo's `CosineEmbedding` (temperature is not used)."""
    return (1 - (z * bank[y]).sum(dim=1)).mean()


def info_nce(z: Tensor, bank: Tensor, y: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Cross-entropy of cos / temperature over the whole label bank: the other labels are the negatives.

    Source: van den Oord et al. 2018, https://arxiv.org/abs/1807.03748, with the label set as the candidate set.
    """
    return functional.cross_entropy(z @ bank.T / temperature, y)


def nt_xent(z: Tensor, bank: Tensor, y: Tensor, *, temperature: float = 0.1) -> Tensor:
    """NT-Xent over the batch's (picture, label text) pairs; each of the 2n entries has its partner as positive.

    Entries with the same label are not counted as negatives (in the published TinyEmo loop they were).
    Source: Chen et al. 2020, https://arxiv.org/abs/2002.05709.
    """
    n = len(y)
    both, labels = torch.cat([z, bank[y]]), torch.cat([y, y])
    logits = both @ both.T / temperature
    partner = torch.cat([torch.arange(n, 2 * n), torch.arange(n)]).to(z.device)
    same = labels[:, None] == labels[None, :]
    same[torch.arange(2 * n, device=z.device), partner] = False
    return functional.cross_entropy(logits.masked_fill(same, float("-inf")), partner)


def sup_con(z: Tensor, bank: Tensor, y: Tensor, *, temperature: float = 0.1) -> Tensor:
    """Supervised contrastive loss over pictures and their label texts: every entry of the same label is a positive.

    The log-probability is averaged over an anchor's positives (`L_out`).
    Source: Khosla et al. 2020, https://arxiv.org/abs/2004.11362.
    """
    both, labels = torch.cat([z, bank[y]]), torch.cat([y, y])
    itself = torch.eye(len(both), dtype=torch.bool, device=z.device)
    logits = (both @ both.T / temperature).masked_fill(itself, float("-inf"))
    log_share = logits - logits.logsumexp(dim=1, keepdim=True)
    positive = (labels[:, None] == labels[None, :]) & ~itself
    return -(log_share.masked_fill(~positive, 0).sum(dim=1) / positive.sum(dim=1)).mean()


LOSSES: Mapping[str, Loss] = {
    "info_nce": info_nce,
    "cosine_embedding": cosine_embedding,
    "nt_xent": nt_xent,
    "sup_con": sup_con,
}
"""The losses by the name that a config uses (`probes.config.LOSS_NAMES`)."""
