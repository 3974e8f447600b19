"""What do report and app show of the space that pictures are read in, and in which order?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.numbers import percent
from affect_workbench.workbench.report.space import figures as space_figures
from affect_workbench.workbench.report.space import sentences as space_sentences

MOST_ROWS = 40
FIGURES = ("within-pull", "erasure", "hubs", "plane")


@dataclass(frozen=True)
class SpaceSection:
    """Sentences, and tables for who wants the numbers; what was not computed is empty.

    Attributes:
        warning: what must be understood first.
        sample: on how many pictures, and what could not be done.
        pull: which way, among pictures of the same label.
        erasures: for each attribute, whether its skew runs through its direction.
        told_apart: sentences on what can be read off the features, lies near a word, or would flip labels.
        labels: sentences on hubs, alignment and wording.
        plane: the badge of the linear map.
        tables: caption -> table, ready to show.
    """

    warning: str
    sample: str | None
    pull: str | None
    erasures: tuple[str, ...]
    decodability: tuple[str, ...]
    labels: tuple[str, ...]
    plane: str | None
    tables: Mapping[str, pd.DataFrame]


def space_section(result: AuditResult) -> SpaceSection | None:
    """What can be said of the space; None where the run has no tables of it."""
    if result.table("space_pull") is None:
        return None
    decodability_sentences = (
        space_sentences.association_sentence(result),
        space_sentences.shift_sentence(result),
        space_sentences.encoding_sentence(result),
    )
    return SpaceSection(
        space_sentences.WARNING,
        space_sentences.sample_sentence(result),
        space_sentences.pull_sentence(result),
        tuple(space_sentences.erasure_sentences(result)),
        tuple(sentence for sentence in decodability_sentences if sentence),
        tuple(space_sentences.label_sentences(result)),
        space_sentences.plane_badge(result),
        shown_tables(result),
    )


def section_figures(
    result: AuditResult, *, slices: int = space_figures.MOST_SLICES, on_map: int = 2_000
) -> dict[str, go.Figure]:
    """Name -> figure, those that can be drawn."""
    drawn = {
        "within-pull": space_figures.within_pull(result, most=slices),
        "erasure": space_figures.erasure(result),
        "hubs": space_figures.hubs(result),
        "plane": space_figures.plane(result, most=on_map),
    }
    return {name: figure for name, figure in drawn.items() if figure is not None}


def shown_tables(result: AuditResult) -> dict[str, pd.DataFrame]:
    """Caption -> the columns a reader compares, numbers as text; the most telling rows first."""
    tables = {}
    slices = _by_slice(result)
    if slices is not None:
        tables["Slices: prediction margin and separation"] = slices
    prices = result.table("space_collateral")
    if prices is not None and len(prices):
        tables["Attributes: the cost of erasing"] = pd.DataFrame(
            {
                "attribute": prices["attribute"].map(column_words),
                "erased": prices["method"],
                "accuracy before": prices["accuracy"].map(_share),
                "accuracy after": prices["accuracy_after"].map(_share),
                "predictions changed": prices["flips"].map(_share),
                "nearest neighbours preserved": prices["overlap"].map(_share),
            }
        )
    attributes = result.table("space_encoding")
    if attributes is not None and len(attributes):
        tables["Attributes: linear decodability"] = pd.DataFrame(
            {
                "attribute": attributes["attribute"].map(column_words),
                "n": attributes["n"].map("{:,}".format),
                "balanced accuracy [95 %]": _interval(attributes, "accuracy", "low", "high"),
                "chance": attributes["chance"].map("{:.2f}".format),
                "on permuted values": attributes["control_accuracy"].map("{:.2f}".format),
                "selectivity [95 %]": _interval(
                    attributes, "selectivity", "selectivity_low", "selectivity_high", signed=True
                ),
            }
        )
    association = result.table("space_association")
    if association is not None and len(association):
        top = association.sort_values("p", kind="stable").head(MOST_ROWS)
        tables["Association of pictures and words, in hundredths of a cosine"] = pd.DataFrame(
            {
                "slice": top["slice"],
                "emotion": top["emotion"],
                "n": top["n"].map("{:,}".format),
                "difference [95 %]": _interval(top, "difference", "low", "high", scale=100, digits=1, signed=True),
                "effect size": top["effect_size"].map(_signed),
                "slice to emotion": (100 * top["slice_to_emotion"]).map("{:.1f}".format),
                "complement to emotion": (100 * top["others_to_emotion"]).map("{:.1f}".format),
                "predictions it changes": top["flips"].map(lambda share: f"{100 * share:.1f} %"),
                "q": top["q"].map(_small),
            }
        )
    return tables


def _by_slice(result: AuditResult) -> pd.DataFrame | None:
    margins = result.table("space_margins")
    if margins is None or margins.empty:
        return None
    shown = pd.DataFrame(
        {
            "slice": margins["slice"],
            "n": margins["n"].map("{:,}".format),
            "median margin [95 %]": _interval(margins, "median", "low", "high", digits=3),
            "complement": margins["complement_median"].map(lambda value: "–" if pd.isna(value) else f"{value:.3f}"),
        }
    )
    near, kernel = result.table("space_neighbours"), result.table("space_mmd")
    if near is not None:
        found = near.set_index("slice")
        shown["same-slice neighbours, excess over chance"] = margins["slice"].map(
            (100 * found["excess"]).map("{:+.1f} points".format)
        )
        shown["p of neighbours"] = margins["slice"].map(found["p"].map(_small))
    if kernel is not None:
        found = kernel.set_index("slice")
        shown["MMD² within labels × 1,000"] = margins["slice"].map((1_000 * found["mmd_within"]).map(_signed))
        shown["p of MMD²"] = margins["slice"].map(found["p_within"].map(_small))
    return shown.fillna("–").head(MOST_ROWS)


def _interval(
    table: pd.DataFrame, value: str, low: str, high: str, *, scale: float = 1.0, digits: int = 2, signed: bool = False
) -> list[str]:
    form = f"{{:{'+' if signed else ''}.{digits}f}}"
    return [
        f"{form} [{form}, {form}]".format(*(scale * number for number in numbers)).replace("-", "−")
        for numbers in zip(table[value], table[low], table[high], strict=True)
    ]


def _share(value: float) -> str:
    return "–" if pd.isna(value) else percent(value)


def _signed(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:+.2f}".replace("-", "−")


def _small(value: float) -> str:
    return "–" if pd.isna(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"
