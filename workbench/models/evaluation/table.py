"""How does an evaluation on several datasets look in a terminal, in Markdown, in LaTeX and as CSV?"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from affect_workbench.analyses.audit.accuracy import Confidence
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

KINDS = ("probe", "baseline", "zero-shot", "reported")
FIGURES = {
    "balanced_accuracy": "balanced",
    "macro_f1": "macro-F1",
    "top2": "top-2",
    "retrieval_1": "R@1",
    "retrieval_5": "R@5",
    "retrieval_10": "R@10",
    "ece": "ECE",
    "kl": "KL",
    "js": "JS",
    "spearman_polarity": "ρ pol.",
    "spearman_valence": "ρ val.",
}
"""Column of the table -> its heading; accuracy and its interval come before, recalls have a table of their own."""
LEGEND = (
    "accuracy with its 95 % interval: Wilson's for one model; for several seeds their mean, and a bootstrap over seeds and "
    "pictures",
    "balanced: mean recall of the labels; top-2: the label is among the two most probable",
    "R@k: for each label, the share of the k pictures nearest to it (highest score) that have it, mean over labels; a label "
    "with fewer than k pictures cannot reach 1",
    "ECE: gap between confidence and accuracy over 15 bins of equal mass, 0 is best",
    "KL (nats) and JS (base 2, 0 to 1): mean divergence of the probabilities from people's votes, 0 is best; ρ: Spearman's "
    "correlation of the expected polarity with that of the votes (pol.) and with people's valence (val.)",
    (
        "near-duplicates: pictures whose features are more similar than those of about one pair of different "
        "pictures would be by chance, or whose perceptual hashes agree; workbench overlap shows the pairs and how "
        "the thresholds were set"
    ),
)
_HEAD = ("model", "accuracy", "95 % interval")
_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "ρ": r"$\rho$",
    "“": "``",
    "”": "''",
    "–": "--",
    "…": r"\ldots{}",
    "±": r"$\pm$",
    '"': r"\textquotedbl{}",
}


@dataclass(frozen=True)
class DatasetTable:
    """What all models do on one dataset.

    Attributes:
        name: how the dataset is called.
        taxonomy: its labels.
        measured_on: which pictures, in words.
        table: one row a model: `model`, `kind` (one of `KINDS`), `n`, `accuracy`, `low`, `high`, `interval` (how that was
            made), the columns of `FIGURES`, and `recall_<label>`; NaN where there is no figure.
        footnotes: what must be known before the figures are believed, leakage first.
        confidence: what that of the first model is worth.
        said: what of it a reader should know, a sentence each.

    Raises:
        ValueError: no row, or a kind that is not known.
    """

    name: str
    taxonomy: Taxonomy
    measured_on: str
    table: pd.DataFrame
    footnotes: tuple[str, ...]
    confidence: Confidence
    sentences: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.table.empty or not set(self.table["kind"]) <= set(KINDS):
            raise ValueError(f"the table of {self.name} has the kinds {sorted(set(self.table['kind']))}: expected {KINDS}")

    @property
    def title(self) -> str:
        """Name, labels and pictures in one line."""
        n = int(self.table["n"].max())
        return f"{self.name}: {len(self.taxonomy)} labels ({self.taxonomy.name}), {self.measured_on}, n = {n:,}"

    @property
    def headline(self) -> str:
        """The first model beside the best of the others that were measured here; a difference only where intervals part."""
        first, others = self.table.iloc[0], self.table[1:][self.table["kind"].iloc[1:] != "reported"]
        lead = f"Predicted correctly by the {first['model']}: {_share(first)} of the pictures"
        if others.empty:
            return f"{lead}."
        best = others.sort_values("accuracy", kind="stable").iloc[-1]
        apart = first["low"] > best["high"] or best["low"] > first["high"]
        rest = "" if apart else ". Their intervals overlap"
        return f"{lead}; by the best of the others, {best['model']}: {_share(best)}{rest}."

    def columns(self) -> dict[str, str]:
        """Those of `FIGURES` that any model has here."""
        return {
            name: heading for name, heading in FIGURES.items() if self.table.get(name, pd.Series(dtype=float)).notna().any()
        }

    def cells(self) -> list[list[str]]:
        """Heading row, then one row a model; an empty cell where there is no figure."""
        columns = self.columns()
        rows = [[*_HEAD, *columns.values()]]
        for record in self.table.to_dict("records"):
            interval = "" if pd.isna(record["low"]) else f"[{record['low']:.3f}, {record['high']:.3f}]"
            rows.append(
                [str(record["model"]), _number(record["accuracy"]), interval, *(_number(record[name]) for name in columns)]
            )
        return rows

    def recalls(self) -> list[list[str]]:
        """Heading row, then the recall of every label for each model that was measured here."""
        labels = [label for label in self.taxonomy.labels if f"recall_{label}" in self.table]
        measured = self.table[self.table["kind"] != "reported"]
        return [["recall", *measured["model"]]] + [
            [label, *(_number(value) for value in measured[f"recall_{label}"])] for label in labels
        ]


def text_lines(tables: Sequence[DatasetTable]) -> list[str]:
    """For a terminal: a block a dataset, what is said of its confidence and its footnotes under it, the legend last."""
    lines: list[str] = []
    for item in tables:
        lines += ["", item.title, *_aligned(item.cells()), *item.sentences, *(f"  * {note}" for note in item.footnotes)]
    return [*lines[1:], "", *LEGEND]


def markdown(tables: Sequence[DatasetTable]) -> str:
    """A document with two tables a dataset: figures and recalls."""
    parts = ["# Evaluation", ""]
    for item in tables:
        parts += [f"## {_md(item.title)}", ""]
        for rows in (item.cells(), item.recalls()):
            head, *body = ([_md(cell) for cell in row] for row in rows)
            parts += [_bar(head), _bar(["---", *["---:"] * (len(head) - 1)]), *map(_bar, body), ""]
        parts += [line for sentence in item.sentences for line in (_md(sentence), "")]
        parts += [*(f"- {_md(note)}" for note in item.footnotes), ""]
    return "\n".join([*parts, *(f"- {_md(line)}" for line in LEGEND), ""])


def latex(tables: Sequence[DatasetTable]) -> str:
    """One `table*` with booktabs rules a dataset (packages booktabs, graphicx, T1 fonts), footnotes under it."""
    parts = ["% needs \\usepackage{booktabs,graphicx} and \\usepackage[T1]{fontenc}"]
    for item in tables:
        head, *body = ([_tex(cell) for cell in row] for row in item.cells())
        parts += [
            "\\begin{table*}",
            "\\centering",
            f"\\caption{{{_tex(item.title)}}}",
            "\\resizebox{\\textwidth}{!}{%",
            f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            "\\toprule",
            " & ".join(head) + r" \\",
            "\\midrule",
            *(" & ".join(row) + r" \\" for row in body),
            "\\bottomrule",
            "\\end{tabular}}",
            *(f"\\par\\footnotesize {_tex(note)}" for note in (*item.sentences, *item.footnotes)),
            "\\end{table*}",
        ]
    return "\n".join([*parts, *(f"% {_tex(line)}" for line in LEGEND), ""])


def long_table(tables: Sequence[DatasetTable]) -> pd.DataFrame:
    """Every figure of every model on every dataset, one row a (dataset, model); what `evaluation.csv` holds."""
    return pd.concat(
        [item.table.assign(dataset=item.name, taxonomy=item.taxonomy.name, measured_on=item.measured_on) for item in tables],
        ignore_index=True,
    ).pipe(
        lambda frame: frame[
            ["dataset", "taxonomy", "measured_on", *frame.columns.drop(["dataset", "taxonomy", "measured_on"])]
        ]
    )


def _share(row: pd.Series) -> str:
    return f"{100 * row['accuracy']:.1f} % [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"


def _number(value: object) -> str:
    return "" if pd.isna(value) else f"{value:.3f}"  # type: ignore[call-overload]


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    ]


def _escaped(table: dict[str, str]) -> Callable[[str], str]:
    pattern = re.compile("|".join(map(re.escape, table)))
    return lambda text: pattern.sub(lambda match: table[match.group()], " ".join(text.split()))


_tex = _escaped(_TEX)
_md = _escaped({mark: "\\" + mark for mark in "\\`*_[]<>|#$"})


def _bar(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
