"""Does a probe's skew follow its model's, and what can be told from where in the model? Plotly figures of ready tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from affect_workbench.analyses.fidelity.layers import READERS
from affect_workbench.workbench.interface.style import BLUE, GREY, PALETTE, VERMILION, blank, safe, short

_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_PANEL = 215
_BESIDE = 0.09
"""How far apart readers of the same place stand, in widths of a place."""
_BASELINE = "label rows"
MOST_CELLS = 1_500
"""Cells that are drawn: those where the two differ most."""


def skew_figure_of(cells: pd.DataFrame) -> go.Figure:
    """The probe's skew against that of the model's answers, a point a cell; on the dashed line they are the same.

    Args:
        cells: `fidelity_cells` of `analyses.fidelity.certificate.certificate_tables`, tested ones.
    """
    drawn = cells.iloc[np.argsort(-cells["effect"].abs().to_numpy(), kind="stable")[:MOST_CELLS]]
    reach = 1.05 * 100 * max(float(np.abs(drawn[["probe_skew", "answers_skew"]].to_numpy(float)).max()), 0.01)
    figure = blank(height=470)
    figure.add_scatter(
        x=[-reach, reach],
        y=[-reach, reach],
        mode="lines",
        line={"color": GREY, "width": 1.5, "dash": "dash"},
        name="the same skew",
        hoverinfo="skip",
    )
    apart = drawn["verdict"] == "skewed"
    for part, name, colour, symbol in (
        (drawn[~apart], "not shown to differ", BLUE, "circle-open"),
        (drawn[apart], "differ beyond chance and tolerance", VERMILION, "diamond"),
    ):
        if len(part):
            figure.add_scatter(
                x=100 * part["answers_skew"],
                y=100 * part["probe_skew"],
                mode="markers",
                name=name,
                marker={"color": colour, "symbol": symbol, "size": 8},
                hovertext=[_cell(row) for row in part.itertuples()],
                hoverinfo="text",
            )
    figure.update_xaxes(title="skew of the model’s answers, points", range=[-reach, reach])
    figure.update_yaxes(title="skew of the probe, points", range=[-reach, reach])
    return figure


def layer_figure(table: pd.DataFrame) -> go.Figure:
    """Fidelity, accuracy, selectivity and skew by place, one below the other; a line a reader, side by side at each place.

    A reader has the same colour, symbol and dash in every figure, whichever others are drawn.

    Args:
        table: of `analyses.fidelity.layers.layer_sweep`.
    """
    panels = [("fidelity", "fidelity, %"), ("accuracy", "accuracy, %"), ("selectivity", "selectivity, points")]
    panels += [("skew", "skew, points")]
    panels = [(name, title) for name, title in panels if name in table and table[name].notna().any()]
    figure = make_subplots(
        rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.05, figure=blank(height=90 + _PANEL * len(panels))
    )
    readers = list(dict.fromkeys(table["reader"]))
    looks = {reader: number for number, reader in enumerate(dict.fromkeys((*READERS, *readers)))}
    places = list(dict.fromkeys(table["place"]))
    at = {place: number for number, place in enumerate(places)}
    for row, (name, title) in enumerate(panels, start=1):
        for number, reader in enumerate(readers):
            look = looks[reader]
            part = table[(table["reader"] == reader) & table[name].notna()]
            figure.add_scatter(
                x=part["place"].map(at) + _BESIDE * (number - (len(readers) - 1) / 2),
                y=100 * part[name],
                error_y=_ends(part, name),
                mode="lines+markers",
                name=short(reader),
                legendgroup=reader,
                showlegend=row == 1,
                line={"color": PALETTE[look], "width": 1 if reader == _BASELINE else 2, "dash": _DASHES[look % 5]},
                marker={"color": PALETTE[look], "size": 6 if reader == _BASELINE else 8, "symbol": _SYMBOLS[look % 5]},
                opacity=0.75 if reader == _BASELINE else 1,
                hovertext=[
                    f"<b>{safe(one.place)}</b>, {safe(reader)}<br>{title}: {_value(one, name)}" for one in _rows(part)
                ],
                hoverinfo="text",
                row=row,
                col=1,
            )
        figure.update_yaxes(title=title, row=row, col=1)
    if panels[-1][0] == "skew":
        figure.add_scatter(
            x=[-0.4, len(places) - 0.6],
            y=[100 * float(table["answers_skew"].dropna().iloc[0])] * 2,
            mode="lines",
            name="the model’s answers",
            line={"color": "#555555", "dash": "dot", "width": 1.5},
            hoverinfo="skip",
            row=len(panels),
            col=1,
        )
    names = [safe(place) for place in places]
    figure.update_xaxes(tickvals=list(range(len(places))), ticktext=names, range=[-0.5, len(places) - 0.5], zeroline=False)
    figure.update_xaxes(title="place, from input to output", row=len(panels), col=1)
    return figure


def _ends(part: pd.DataFrame, name: str) -> dict[str, Any] | None:
    if f"{name}_low" not in part:
        return None
    return {
        "type": "data",
        "symmetric": False,
        "array": 100 * (part[f"{name}_high"] - part[name]).clip(lower=0),
        "arrayminus": 100 * (part[name] - part[f"{name}_low"]).clip(lower=0),
        "thickness": 1.5,
        "width": 3,
    }


def _value(row: Any, name: str) -> str:
    text = f"{100 * getattr(row, name):.1f}"
    low = getattr(row, f"{name}_low", None)
    return text if low is None else f"{text} [{100 * low:.1f}, {100 * getattr(row, f'{name}_high'):.1f}]"


def _rows(part: pd.DataFrame) -> list[Any]:
    return list(part.itertuples())


def _cell(row: Any) -> str:
    return (
        f"<b>{short(row.slice)} → {safe(row.emotion)}</b><br>probe {100 * row.probe_skew:+.1f}, answers "
        f"{100 * row.answers_skew:+.1f} points<br>difference {100 * row.effect:+.1f} [{100 * row.low:+.1f}, "
        f"{100 * row.high:+.1f}], n = {row.n:,}"
    )
