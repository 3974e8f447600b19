"""What do label anchors look like on one page: a heat map of their cosines, and what it means?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.space.geometry.anchors import AnchorGeometry
from affect_workbench.workbench.interface.numbers import small_p
from affect_workbench.workbench.interface.page import template

COLLINEAR = 0.9
"""Where even the least alike anchors have a higher cosine, the page says that all point one way."""
_LIGHT, _DARK = (255, 255, 255), (61, 148, 204)  # dark text stays readable on both: 4.7 to 1 at the least
_SIGNS = {1: ("+", "positive"), 0: ("○", "neutral"), -1: ("−", "negative")}
_SURE = 0.05
ROOMY = 12
"""Labels up to which the cells of the heat map are large."""


def anchors_html(geometry: AnchorGeometry, *, what: str, note: str = "") -> str:
    """One self-contained page without scripts; the same anchors always give the same bytes. Everything is escaped.

    Args:
        geometry: of `analyses.space.geometry.anchors.anchor_geometry`.
        what: which anchors these are.
        note: what should be known about how they were read.
    """
    lead, *more = sentences(geometry)
    low, high = span(geometry)
    return template("anchors.html").render(
        what=what,
        lead=lead,
        more=more,
        notes=notes(geometry, note),
        rows=heat_rows(geometry),
        roomy=len(geometry.labels) <= ROOMY,
        low=_number(low, geometry),
        high=_number(high, geometry),
        dark=colour(1.0),
        labels=_labelheat_rows(geometry),
        correlations=list(geometry.correlations.itertuples()),
    )


def sentences(geometry: AnchorGeometry) -> list[str]:
    """How near the nearest anchors are and what that leaves; then whether cosines follow polarity, and the tree."""
    table = geometry.labels
    tightest, hardest = int(table["cap"].to_numpy().argmin()), int(table["margin"].to_numpy().argmin())
    angle, names = geometry.smallest_angle, list(table["label"])
    lead = (
        f"Nearest are {names[tightest]} and {table['nearest'].iloc[tightest]}, {angle:.1f}° apart (cosine "
        f"{_number(table['cosine'].iloc[tightest], geometry)}): a picture within {angle / 2:.1f}° of its own "
        "anchor is always predicted as its own label, and a projector that may aim beside the anchors can keep "
        f"every class {geometry.margin:.1f}° away from the others"
    )
    lead += f" ({names[hardest]} is the tightest)." if len(names) > 2 else "."
    plain = geometry.correlations[geometry.correlations["cosines"] == "as they are"].set_index("structure")
    return [
        lead,
        _follows(plain.loc["polarity"], "labels of one polarity", expected=1),
        _follows(plain.loc["tree"], "labels that are close in the label tree", expected=-1),
    ]


def notes(geometry: AnchorGeometry, note: str = "") -> list[str]:
    """What to know before reading: how the vectors were read, whether all point one way, labels without a polarity."""
    told = [note[0].upper() + note[1:] + "."] if note else []
    low, high = span(geometry)
    if low > COLLINEAR:
        told.append(
            f"All anchors point nearly one way (cosines {_number(low, geometry)} to {_number(high, geometry)}): "
            f"a picture's lead over the next label can be {geometry.labels['gap'].min():.3f} at most "
            "for the tightest label, so a low temperature is needed."
        )
    unknown = geometry.labels.loc[geometry.labels["polarity"].isna(), "label"]
    if len(unknown):
        told.append(f"Without a known polarity and left out of the correlations: {', '.join(unknown)}.")
    return told


def cosine_table(geometry: AnchorGeometry) -> pd.DataFrame:
    """One row a pair of labels: `first`, `second`, `cosine`, `centred` cosine, `angle` in degrees."""
    upper = np.triu_indices(len(geometry.cosines), 1)
    names = np.array(geometry.taxonomy.labels, dtype=object)
    cosines = geometry.cosines[upper]
    return pd.DataFrame(
        {
            "first": names[upper[0]],
            "second": names[upper[1]],
            "cosine": cosines,
            "centred": geometry.centred[upper],
            "angle": np.degrees(np.arccos(cosines)),
        }
    )


def _follows(row: Any, which: str, *, expected: int) -> str:
    if np.isnan(row["r"]):
        return f"Whether {which} lie nearer to each other is unknown: there is nothing to compare."
    orders = f"{'all ' if row['exact'] else ''}{int(row['permutations']):,} permutations of {int(row['labels'])} labels"
    numbers = f"r = {row['r']:+.2f}, {small_p(row['p'])} over {orders}".replace("-", "−")
    if row["p"] > _SURE:
        return f"Whether {which} lie nearer to each other is not shown: {numbers}."
    side = "nearer to each other" if row["r"] * expected > 0 else "farther from each other, not nearer"
    return f"{which[0].upper()}{which[1:]} lie {side}: {numbers}."


def heat_rows(geometry: AnchorGeometry) -> list[dict[str, Any]]:
    """The heat map in its order; a row or column that begins another polarity is marked."""
    names, order = geometry.taxonomy.labels, [int(position) for position in geometry.order]
    signs = [_sign(geometry, position) for position in order]
    starts = [at > 0 and signs[at] != signs[at - 1] for at in range(len(order))]
    low, high = span(geometry)
    rows = []
    for at, row in enumerate(order):
        cells = []
        for beside, column in enumerate(order):
            cosine = float(geometry.cosines[row, column])
            share = (cosine - low) / (high - low) if high - low > 1e-9 else 0.5
            cells.append(
                {
                    "self": row == column,
                    "starts": starts[beside],
                    "text": _number(cosine, geometry),
                    "colour": colour(share),
                    "title": f"{names[row]} and {names[column]}: cosine {cosine:.4f}, centred "
                    f"{geometry.centred[row, column]:.4f}, {np.degrees(np.arccos(cosine)):.1f}°",
                }
            )
        rows.append({"label": names[row], "sign": signs[at], "starts": starts[at], "cells": cells})
    return rows


def _labelheat_rows(geometry: AnchorGeometry) -> list[dict[Any, Any]]:
    return [
        geometry.labels.loc[int(position)].to_dict() | {"sign": _sign(geometry, int(position))}
        for position in geometry.order
    ]


def _sign(geometry: AnchorGeometry, position: int) -> tuple[str, str]:
    polarity = geometry.labels["polarity"].iloc[position]
    return ("", "unknown") if np.isnan(polarity) else _SIGNS[int(polarity)]


def span(geometry: AnchorGeometry) -> tuple[float, float]:
    """The smallest and the largest cosine between two labels."""
    between = geometry.cosines[np.triu_indices(len(geometry.cosines), 1)]
    return float(between.min()), float(between.max())


def _number(cosine: float, geometry: AnchorGeometry) -> str:
    low, high = span(geometry)
    decimals = 2 if high - low >= 0.1 or high == low else 3 if high - low >= 0.01 else 4
    return f"{cosine:.{decimals}f}".replace("-", "−")


def colour(share: float) -> str:
    """The colour of a cosine that lies this share of the way from the smallest to the largest."""
    mixed = (round(light + share * (dark - light)) for light, dark in zip(_LIGHT, _DARK, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)
