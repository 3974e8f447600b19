"""Other tools themselves, where they are installed: what do they say of data without bias, and how long do they take?

They come with the extra `bench`. A tool that is not there is named as absent; its rule is asked all the same, as it is
re-stated in `analyses.benchmark.decision_rules`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.benchmark.decision_rules import (
    BOOTSTRAPS,
    DIVEXPLORER_T,
    SLICELINE_ALPHA,
    SLICELINE_MOST,
    counted,
    flags,
)
from affect_workbench.analyses.benchmark.results import OPEN, Experiment, Record, Row, share_row
from affect_workbench.analyses.benchmark.speed import cell_table, large_table, seconds
from affect_workbench.arrays import Mask
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.synthetic.predictions import table_world

NULL_PICTURES = 4_000
NULLS = (1, 10)
"""Data sets without bias in a block, quick and full."""
TIMED_ROWS = (5_000, 50_000)
TIMED_ATTRIBUTES = 8
FEWEST = 10

PACKAGES = {"DivExplorer": "divexplorer", "SliceLine": "sliceline", "Fairlearn": "fairlearn"}


def installed(tool: str) -> str | None:
    """Version of the tool, None where it is not installed."""
    try:
        return version(PACKAGES[tool])
    except PackageNotFoundError:
        return None


def peers_experiment(*, blocks: tuple[int, int]) -> Experiment:
    """Each installed tool on a null, and on the table of the speed gate with fewer rows and attributes."""

    def run(seed: Sequence[int], quick: bool) -> Record:
        rng = np.random.default_rng(seed)
        nulls = [table_world(rng).draw(NULL_PICTURES, rng) for _ in range(NULLS[not quick])]
        restated = [flags(counted(null, min_count=FEWEST), rng) for null in nulls]
        table = large_table(TIMED_ROWS[not quick], rng, attributes=TIMED_ATTRIBUTES)
        found: dict[str, dict[str, Any]] = {}
        for tool, ask in ASK.items():
            known = installed(tool)
            if known is None:
                continue
            said = [int(ask(null)) for null in nulls]
            ours = [int(_restated(one, tool)) for one in restated]
            cpu, _ = seconds(partial(ask, table))
            agree = sum(one == other for one, other in zip(said, ours, strict=True))
            found[tool] = {"version": known, "flagged": sum(said), "agree": agree, "of": len(said), "seconds": cpu}
        return {"found": found, "ours": seconds(lambda: cell_table(table))[0], "rows": len(table)}

    def rows(records: Sequence[Record], quick: bool) -> list[Row]:
        lines = []
        ours = float(np.mean([record["ours"] for record in records]))
        for tool in ASK:
            have = [record["found"][tool] for record in records if tool in record["found"]]
            if not have:
                note = "not installed (pip install '.[bench]'): only its rule, re-stated, was asked"
                lines.append(Row("peer", f"{tool}: absent", None, verdict=OPEN, note=note))
                continue
            taken = float(np.mean([one["seconds"] for one in have]))
            agree, tried = sum(one["agree"] for one in have), sum(one["of"] for one in have)
            what = "one attribute" if tool == "Fairlearn" else f"{TIMED_ATTRIBUTES} attributes, pairs"
            note = (
                f"agrees with its rule as re-stated in {agree} of {tried}; {taken:.2f} processor seconds for one "
                f"outcome of {records[0]['rows']:,} rows, {what} (ours: {ours:.2f} for all 8 emotions of {TIMED_ATTRIBUTES} "
                "attributes, pairs)"
            )
            lines.append(
                share_row(
                    sum(one["flagged"] for one in have),
                    tried,
                    kind="peer",
                    note=note,
                    name=f"{tool} {have[0]['version']} itself, null: flags something",
                )
            )
        return lines

    return Experiment("peers", blocks, run, rows)


def _restated(flagged: Mapping[str, Mask], tool: str) -> bool:
    """What the rule as re-stated says to the same question."""
    if tool == "SliceLine":
        return bool(flagged[tool].any())
    if tool == "DivExplorer":
        return bool(flagged[tool][:, 0].any())
    return bool(flagged[tool][:2, 0].any())  # the first attribute has two values


def ask_divexplorer(predictions: Predictions) -> bool:
    """Whether some slice of at most two attributes has abs(t) > 2 for the first emotion."""
    from divexplorer import DivergenceExplorer

    frame = _attributes(predictions)
    frame["said"] = (predictions.predicted == 0).astype(int)
    support = FEWEST / len(frame)
    found = DivergenceExplorer(frame).get_pattern_divergence(
        min_support=support, boolean_outcomes=["said"], attributes=list(frame.columns[:-1])
    )
    return bool((found.loc[found["length"].between(1, 2), "said_t"].abs() > DIVEXPLORER_T).any())


def ask_sliceline(predictions: Predictions) -> bool:
    """Whether it reports any slice of at most two attributes in which the model errs more."""
    from sliceline.slicefinder import Slicefinder

    wrong = (predictions.predicted != predictions.taxonomy.codes(predictions.rows["label"])).astype(float)
    finder = Slicefinder(alpha=SLICELINE_ALPHA, k=SLICELINE_MOST, max_l=2, min_sup=FEWEST, verbose=False)
    finder.fit(_attributes(predictions).apply(lambda column: pd.factorize(column)[0]).to_numpy(), wrong)
    return len(finder.top_slices_) > 0


def ask_fairlearn(predictions: Predictions) -> bool:
    """Whether the bootstrap interval of the largest difference of the first attribute lies above zero."""
    from fairlearn.metrics import MetricFrame, selection_rate

    frame = MetricFrame(
        metrics=selection_rate,
        y_true=predictions.predicted == 0,
        y_pred=predictions.predicted == 0,
        sensitive_features=_attributes(predictions).iloc[:, 0],
        n_boot=BOOTSTRAPS,
        ci_quantiles=[0.025, 0.975],
        random_state=0,
    )
    return bool(frame.difference_ci()[0] > 0)


def _attributes(predictions: Predictions) -> pd.DataFrame:
    """The attributes as plain text objects."""
    names = [str(name) for name in predictions.rows if str(name).startswith("attribute_")]
    return predictions.rows[names].astype(object)


def _quietly(ask: Callable[[Predictions], bool]) -> Callable[[Predictions], bool]:
    def asked(predictions: Predictions) -> bool:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ask(predictions)

    return asked


ASK = {"DivExplorer": _quietly(ask_divexplorer), "SliceLine": _quietly(ask_sliceline), "Fairlearn": _quietly(ask_fairlearn)}
"""Tool -> a question to it: does it flag anything?"""
