"""How long does a cell table of a million pictures take, and the distance of two clouds of a million points?

Processor seconds of one process are judged: what else runs on the machine does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from affect_workbench.analyses.benchmark.results import FAIL, OPEN, PASS, Experiment, Record, Row
from affect_workbench.analyses.skew.findings import skew_table
from affect_workbench.analyses.slices.coding import coded_attribute, coded_attributes
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import slice_sums
from affect_workbench.analyses.space.mmd import mmd_table
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

ROWS, ATTRIBUTES, WIDTH = 1_000_000, 20, 64
QUICK_ROWS = 50_000
CELLS, DISTANCE = 5.0, 10.0


def speed_experiment() -> Experiment:
    """Seconds for `ROWS` pictures; a quick run takes fewer and judges nothing."""

    def run(seed: Sequence[int], quick: bool) -> Record:
        n, rng = QUICK_ROWS if quick else ROWS, np.random.default_rng(seed)
        predictions = large_table(n, rng)
        cells, wall = 0, 0.0

        def table() -> None:
            nonlocal cells
            cells = len(cell_table(predictions))

        cpu, wall = seconds(table)
        values = rng.standard_normal((n, WIDTH)).astype(np.float32)
        attribute = coded_attribute(pd.Series(rng.choice(["a", "b"], n), name="slice"))
        distance_cpu, distance_wall = seconds(lambda: mmd_table(values, [attribute]))
        return {"rows": n, "cells": cells, "cpu": cpu, "wall": wall, "mmd_cpu": distance_cpu, "mmd_wall": distance_wall}

    def rows(records: Sequence[Record], quick: bool) -> list[Row]:
        found = records[0]

        def line(name: str, key: str, wall: str, bar: float, note: str) -> Row:
            judged = OPEN if quick else PASS if found[key] <= bar else FAIL
            return Row(
                "gate",
                name,
                found[key],
                None,
                None,
                "seconds",
                f"≤ {bar:g} s{f' for {ROWS:,}' if quick else ''}",
                judged,
                "processor seconds, once",
                {},
                f"{note}; {found[wall]:.1f} s by the clock",
            )

        return [
            line(
                f"{found['rows']:,} rows x {ATTRIBUTES} attributes x order 2 x 8 emotions",
                "cpu",
                "wall",
                CELLS,
                f"{found['cells']:,} pairs with exact p, q, intervals, verdicts, excess over parents",
            ),
            line(
                f"unbiased MMD, {found['rows']:,} x {WIDTH}",
                "mmd_cpu",
                "mmd_wall",
                DISTANCE,
                "with its p from 199 permutations",
            ),
        ]

    return Experiment("speed", (1, 1), run, rows)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Processor and clock seconds of one run."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - processor, time.perf_counter() - clock


def cell_table(predictions: Predictions) -> pd.DataFrame:
    """From predictions to every pair's finding: the audit without distances, map and samples."""
    coded, _ = coded_attributes(predictions.rows, None, available=attribute_columns(predictions.rows))
    data = SlicedPredictions(predictions, tuple(coded))
    sums = slice_sums(coded, data.scores.columns, order=2, beside=1 + len(predictions.taxonomy))
    return skew_table(sums, data)


def large_table(n: int, rng: np.random.Generator, *, attributes: int = ATTRIBUTES) -> Predictions:
    """Labels, predictions and attributes of two to eight values as text, all drawn evenly."""
    taxonomy = Taxonomy.named("mikels8")
    labels = np.array(taxonomy.labels, dtype=object)
    y = rng.integers(8, size=n)
    y_pred = np.where(rng.random(n) < 0.7, y, rng.integers(8, size=n))
    columns = {"image_id": np.arange(n).astype(str), "label": labels[y]}
    for at in range(attributes):
        values = np.array([f"value {value}" for value in range(2 + at % 7)], dtype=object)
        columns[f"attribute_{at + 1}"] = values[rng.integers(len(values), size=n)]
    return Predictions(1.0 - np.eye(8)[y_pred], pd.DataFrame(columns), taxonomy, "label", "planted table")
