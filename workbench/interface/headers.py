"""Under which header is a column of a saved table shown? One place for all pages."""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from affect_workbench.data.tables.columns import column_words

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
"""Column of a saved table -> header; all others are shown by their own name in words."""


def headed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the headers that readers see; columns that would get the same one keep their own names."""
    return table.set_axis(headers_of(table), axis="columns")


def headers_of(table: pd.DataFrame) -> list[str]:
    """The header of each column."""
    shown = [HEADERS.get(name, column_words(name)) for name in map(str, table.columns)]
    taken = Counter(shown)
    return [header if taken[header] == 1 else str(name) for header, name in zip(shown, table.columns, strict=True)]


def raw_names(table: pd.DataFrame) -> dict[str, Any]:
    """For `column_config` of a headed table: a column in words tells its own name to who asks."""
    return {
        header: {"help": f"column {name}"}
        for header, name in zip(headers_of(table), table.columns, strict=True)
        if header != name and name not in HEADERS
    }
