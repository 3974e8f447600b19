"""Where an attribute only goes along with something: does a calibrated prompt invent a skew, does erasure create one?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from affect_workbench.analyses.benchmark.hidden.embeddings import drawn_seed
from affect_workbench.analyses.benchmark.results import (
    RIGHT,
    Experiment,
    Record,
    Row,
    mean_and_interval,
    mean_row,
    one_sided,
    share_row,
    values_of,
    verdict,
)
from affect_workbench.analyses.concepts.calibrated_skew import GoldLabels, calibrated_skew
from affect_workbench.analyses.concepts.sampling import stratified_sample
from affect_workbench.analyses.inference.mantel_haenszel import adjusted_difference
from affect_workbench.analyses.space.erasure.leace import leace, within_label_leace
from affect_workbench.arrays import Codes, Vectors
from affect_workbench.data.synthetic.concepts import SHARE, correlated_concept
from affect_workbench.data.synthetic.embeddings import Population, planted_embeddings

COSINE = 0.4
GOLD = 600
DRAWS = 400
PROMPTS = 5
"""Prompts a block."""
BIAS, ERROR = 0.01, 0.02
ERASED = (60_000, 120_000)
"""Pictures whose attribute is erased, quick and full; half of them judge. A gap of one point needs many."""
ACCURACY = 0.9
ATTRIBUTE_LENGTH = 1.0


def correlated_prompt_experiment(*, blocks: tuple[int, int]) -> Experiment:
    """A prompt that leans toward an emotion, of a concept that has nothing to do with any: what skew is said of it?"""

    def run(seed: Sequence[int], quick: bool) -> Record:
        found: dict[str, list[float]] = {"ours": [], "naive": [], "held": []}
        for at in range(PROMPTS):
            one, other = drawn_seed(seed, at), drawn_seed(seed, PROMPTS + at)
            planted = correlated_concept(COSINE, n=6_000 if quick else 20_000, seed=one)
            queue = stratified_sample(planted.score, planted.y_pred, size=GOLD, seed=other)
            position = queue["position"].to_numpy()
            gold, weights = np.full(len(planted.gold), np.nan), np.full(len(planted.gold), np.nan)
            gold[position], weights[position] = planted.gold[position], 1 / queue["probability"]
            k = len(planted.world.taxonomy)
            table = calibrated_skew(planted.score, planted.y_pred, GoldLabels(gold, weights), k=k, draws=DRAWS, seed=other)
            row, y_pred = table.iloc[planted.label], planted.y_pred == planted.label
            yes = planted.score > np.quantile(planted.score, 1 - SHARE)
            found["ours"].append(float(row["effect"]))
            found["naive"].append(float(y_pred[yes].mean() - y_pred[~yes].mean()))
            found["held"].append(float(row["low"] <= 0 <= row["high"]))
        return found

    def rows(records: Sequence[Record], quick: bool) -> list[Row]:
        ours, naive = np.array(values_of(records, "ours")), values_of(records, "naive")
        held = values_of(records, "held")
        mean, low, high = mean_and_interval(list(ours))
        above = one_sided(list(np.sign(mean) * ours), BIAS, 1)
        error = float(np.sqrt((ours**2).mean()))
        p = float(special.chdtrc(len(ours), len(ours) * error**2 / ERROR**2))
        name = f"null with an entangled prompt, cosine {COSINE:g}"
        note = f"the score taken for the concept: {np.mean(naive):+.3f}"
        return [
            Row(
                "gate",
                f"{name}, {GOLD} gold labels: bias",
                mean,
                low,
                high,
                "rate",
                f"|bias| ≤ {BIAS:g}",
                verdict(abs(mean) > BIAS, above),
                f"mean of {len(ours)} prompts: one-sided t, p = {above:.2g}",
                {},
                note,
                above,
            ),
            Row(
                "gate",
                f"{name}, {GOLD} gold labels: root mean square error",
                error,
                None,
                None,
                "rate",
                f"≤ {ERROR:g}",
                verdict(error > ERROR, p),
                f"one-sided chi-square, p = {p:.2g}",
                {},
                note,
                p,
            ),
            share_row(
                int(sum(held)),
                len(held),
                kind="scenario",
                name=f"{name}: the calibrated interval holds zero",
                at_least=RIGHT,
                note="right in 95 % of prompts is what the interval promises",
            ),
        ]

    return Experiment("entangled", blocks, run, rows)


def erasure_experiment(*, blocks: tuple[int, int]) -> Experiment:
    """An attribute that goes along with the label and is used by nobody: erasing it must cost nothing and create nothing.

    Fitted on one half of the pictures, judged on the other: largest difference over emotions within true labels, accuracy.
    """

    def run(seed: Sequence[int], quick: bool) -> Record:
        one = drawn_seed(seed, 0)
        population = Population(accuracy=ACCURACY)
        world = planted_embeddings("null", n=ERASED[not quick], seed=one, mechanism="vectors", population=population)
        rng = np.random.default_rng([one, 1])
        y, k = world.taxonomy.codes(world.rows["label"]), len(world.taxonomy)
        z = (rng.random(len(y)) < rng.permutation(np.linspace(0.15, 0.85, k))[y]).astype(np.int64)
        span = np.linalg.qr(world.anchors.T)[0]
        outside = rng.standard_normal(len(span))
        outside -= span @ (span.T @ outside)
        x = world.features + np.outer(ATTRIBUTE_LENGTH * (z - 0.5), outside / np.linalg.norm(outside)).astype(np.float32)
        fit, judge = np.arange(len(y)) % 2 == 0, np.arange(len(y)) % 2 == 1
        anchors = world.anchors / np.linalg.norm(world.anchors, axis=1, keepdims=True)

        def outcome(features: Vectors) -> tuple[float, float, float]:
            """Adjusted gap, plain gap, accuracy."""
            y_pred = np.asarray((features @ anchors.T).argmax(axis=1))
            plain = max(
                abs(float((y_pred == e)[z[judge] == 1].mean() - (y_pred == e)[z[judge] == 0].mean())) for e in range(k)
            )
            return adjusted_gap(y_pred, z[judge], y[judge], k), plain, float((y_pred == y[judge]).mean())

        before = outcome(x[judge])
        plain = outcome(leace(x[fit], z[fit]).apply(x[judge]))
        within = outcome(within_label_leace(x[fit], z[fit], y[fit]).apply(x[judge]))
        return {
            "confounded": [before[1]],
            "before": [before[0]],
            "leace": [plain[0]],
            "within": [within[0]],
            "leace_loss": [before[2] - plain[2]],
            "within_loss": [before[2] - within[2]],
        }

    def rows(records: Sequence[Record], quick: bool) -> list[Row]:
        mean = {key: float(np.mean(values_of(records, key))) for key in records[0]}
        note = f"not adjusted {mean['confounded']:.3f}; adjusted, before {mean['before']:.4f}"
        note += f"; after LEACE of everything {mean['leace']:.4f}"
        lost = f"LEACE of everything: {mean['leace_loss']:.4f}"
        return [
            mean_row(
                values_of(records, "within"),
                at_most=0.01,
                kind="gate",
                unit="rate",
                name="confounded only: adjusted gap after within-label erasure",
                note=note,
            ),
            mean_row(
                values_of(records, "within_loss"),
                at_most=0.005,
                kind="gate",
                unit="rate",
                name="confounded only: accuracy lost by within-label erasure",
                note=lost,
            ),
        ]

    return Experiment("erasure", blocks, run, rows)


def adjusted_gap(y_pred: Codes, z: Codes, y: Codes, k: int) -> float:
    """Largest difference over the `k` emotions between z = 1 and z = 0 within true labels (Mantel-Haenszel)."""
    counts = np.zeros((2, k, k))
    np.add.at(counts, (z, y, y_pred), 1)
    n = counts.sum(axis=2)
    hits = counts.transpose(0, 2, 1)  # (2, emotion, true label)
    return float(np.abs(adjusted_difference(hits[1], n[1][None], hits[0], n[0][None]).difference).max())
