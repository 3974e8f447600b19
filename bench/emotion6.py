"""How accurate is the projector on Emotion6, by loss and by label anchors, beside tuned classical models on the same folds?

Every picture is read once a seed by a model that did not see it. Intervals are of a bootstrap over seeds and pictures; two
rows are compared picture by picture, and a difference whose interval holds zero is called a tie. The tuned models choose
their constants by cross-validation inside each training fold. `BEST` was chosen on the folds of seeds 0 to 4; the seeds
here are others, of the same pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.data.datasets.feature_files import read_features
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.tables.splits import stratified_folds
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import LabelAnchors, anchors_from
from affect_workbench.probes.config import LOSS_NAMES, FitConfig
from affect_workbench.probes.evaluation.metrics import bootstrap_accuracy
from affect_workbench.probes.runtime import read_vector
from affect_workbench.probes.training.fit import fit

Hits = npt.NDArray[np.bool_]
TAXONOMY = Taxonomy.named("ekman6")
FOLDS = 5
SOURCES = ("sentence:minilm", "token:minilm")
"""Label anchors that need no download; those of language models are compared in the same way with `--sources`."""
BEST: Mapping[str, Any] = {
    "temperature": 0.2,
    "dropout": 0.5,
    "batch": 128,
    "epochs": 20,
    "patience": 20,
    "choose_by": "loss",
    "validation_share": 0.05,
}


@cache
def emotion6(root: str) -> FeatureSet:
    return read_features(root, read_vector=read_vector, taxonomy=TAXONOMY)


@cache
def anchors(source: str, template: str) -> LabelAnchors:
    return anchors_from(source, TAXONOMY, template=template)


def projector_hits(root: str, seed: int, settings: Mapping[str, Any]) -> Hits:
    """Whether each picture `(n,)` is read rightly, out of fold."""
    features = emotion6(root)
    codes = TAXONOMY.codes(features.rows["label"])
    config = FitConfig(seed=seed, device="cpu", **settings)
    fold = stratified_folds(codes, FOLDS, seed=seed)
    hits = np.zeros(len(codes), dtype=bool)
    for number in range(FOLDS):
        inside, outside = features.take(fold != number), features.take(fold == number)
        bank = anchors(config.anchors, config.template)
        probe = fit(config, inside, anchors=bank, taxonomy=TAXONOMY, progress=False)
        hits[fold == number] = probe.predict(outside).predicted == codes[fold == number]
    return hits


def classical_hits(root: str, seed: int, kind: str) -> Hits:
    """The same of a tuned `logistic` regression or `svm` on unit features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    features = emotion6(root)
    values = np.asarray(features.values, np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    codes = TAXONOMY.codes(features.rows["label"])
    fold = stratified_folds(codes, FOLDS, seed=seed)
    hits = np.zeros(len(codes), dtype=bool)
    model, grid = {
        "logistic": (LogisticRegression(max_iter=1_000), {"C": [1, 3, 10, 30, 100]}),
        "svm": (SVC(), {"C": [1, 3, 10, 30], "gamma": ["scale", 0.5, 1, 2, 4]}),
    }[kind]
    for number in range(FOLDS):
        inside = fold != number
        tuned = GridSearchCV(model, grid, cv=4).fit(values[inside], codes[inside])
        hits[~inside] = tuned.predict(values[~inside]) == codes[~inside]
    return hits


def difference(ours: Hits, theirs: Hits, *, draws: int = 2_000) -> tuple[float, float, float]:
    """Mean difference in accuracy of two `(seeds, n)` and its 95 % interval, pictures and seeds drawn anew together."""
    rng = np.random.default_rng(0)
    gap = ours.astype(np.float64) - theirs
    seeds, n = gap.shape
    of_picture = np.stack(
        [gap[rng.integers(seeds, size=seeds)].mean(axis=0)[rng.integers(n, size=n)].mean() for _ in range(draws)]
    )
    low, high = np.quantile(of_picture, [0.025, 0.975])
    return float(gap.mean()), float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--root", default="../shared/data/emotion6", help="tree of Emotion6 features")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=5)
    parser.add_argument("--sources", nargs="+", default=list(SOURCES))
    given = parser.parse_args()
    if not Path(given.root).is_dir():
        parser.exit(message=f"no features at {given.root}: this comparison needs Emotion6's, and is left out\n")
    seeds = range(given.first, given.first + given.seeds)
    rows: dict[str, Hits] = {}
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:

        def measured(work: Any) -> Hits:
            return np.stack(list(pool.map(work, seeds)))

        for name, kind in (("tuned logistic regression", "logistic"), ("tuned RBF SVM", "svm")):
            rows[name] = measured(partial(classical_hits, given.root, kind=kind))
        for source in given.sources:
            for settings in ({"loss": loss} for loss in LOSS_NAMES):
                name = f"{settings['loss']}, {source}"
                rows[name] = measured(partial(projector_hits, given.root, settings={"anchors": source, **settings}))
            name = f"info_nce, {source}, best settings"
            rows[name] = measured(partial(projector_hits, given.root, settings={"anchors": source, **BEST}))
    best = max((name for name in rows if "tuned" not in name), key=lambda name: rows[name].mean())
    print("best settings:", ", ".join(f"{key} {value}" for key, value in BEST.items()))
    print("| model | accuracy | 95 % interval | against the best projector, paired |")
    print("|---|---|---|---|")
    for name in sorted(rows, key=lambda name: -rows[name].mean()):
        low, high = bootstrap_accuracy(rows[name])
        mean, below, above = difference(rows[name], rows[best])
        said = "the best" if name == best else f"{100 * mean:+.1f} [{100 * below:+.1f}, {100 * above:+.1f}]"
        tie = ", a tie" if name != best and below <= 0 <= above else ""
        print(f"| {name} | {rows[name].mean():.3f} | {low:.3f} to {high:.3f} | {said}{tie} |")


if __name__ == "__main__":
    main()
