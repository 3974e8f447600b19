"""Under which header is a column of a saved table shown? One place for all pages."""

from __future__ import annotations

import types
from collections.abc import Mapping

import pandas as pd

HEADERS: Mapping[str, str] = types.MappingProxyType(
    {
        "image_id": "picture",
        "audit_agreement": "agreement",
        "audit_margin": "margin",
        "accuracy_low": "accuracy low",
        "accuracy_high": "accuracy high",
        "complement_accuracy": "complement accuracy",
        "complement_mean": "complement",
        "complement_rate": "complement rate",
        "effect": "difference",
        "label_gap": "label gap",
        "model_gap": "model gap",
        "design_effect": "design effect",
        "explained_by": "explained by",
        "pooled_rate": "partially pooled rate",
        "label_tree_level": "label-tree level",
        "centroid_shift": "centroid distance",
        "centroid_shift_chance": "centroid distance by chance",
        "exact": "exact duplicate",
        "near": "near-duplicate only",
        "relabelled": "labelled differently",
    }
)
"""Column of a saved table -> header; all others are shown by their own name."""


def headed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the headers that readers see."""
    return table.rename(columns=HEADERS)
