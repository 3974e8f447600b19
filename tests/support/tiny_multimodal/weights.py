"""Random weights under which every part of a model does something: some are zero, or constant, when they are made."""

from __future__ import annotations

import torch


@torch.no_grad()
def fill(model, seed=0):
    """Matrices keep a vector's length on average; vectors that are zero get small numbers, others a little noise."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim > 1:
            parameter.copy_(noise / parameter[0].numel() ** 0.5)
        else:
            parameter.add_(0.05 * noise)
