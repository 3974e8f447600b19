"""How fast are the parts that wait for nobody? Each line times ours beside what else there is, in one run, as a ratio."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.run import AuditConfig, run_audit
from affect_workbench.data.predictions import Predictions, predictions_from_table

LABELS = ("amusement", "awe", "contentment", "excitement", "anger", "disgust", "fear", "sadness")


def table(rows: int, attributes: int, *, seed: int = 0) -> pd.DataFrame:
    """A table of predictions with text attributes of two to eight values."""
    rng = np.random.default_rng(seed)
    columns = {f"attribute_{number}": _values(rng, rows, 2 + number % 7) for number in range(attributes)}
    scores = rng.dirichlet(np.ones(len(LABELS)), rows)
    return pd.DataFrame(
        {"image_id": np.arange(rows).astype(str), "label": np.array(LABELS)[rng.integers(len(LABELS), size=rows)]}
        | {f"score_{label}": scores[:, number] for number, label in enumerate(LABELS)}
        | columns
    )


def fastest(work: Callable[[], object], *, repeats: int = 3) -> float:
    """Seconds of the fastest of a few runs."""
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def peak_memory(predictions: Predictions, config: AuditConfig) -> float:
    """MiB that an audit adds to the process, measured in a child that starts with the input loaded."""
    read_end, write_end = os.pipe()
    if not os.fork():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run_audit(predictions, config)
        os.write(write_end, str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as answer:
        kibibytes = answer.read()
    os.wait()
    if not kibibytes:
        raise RuntimeError("the audit whose memory was measured failed")
    return int(kibibytes) / 1024


def fairlearn_seconds(frame: pd.DataFrame, attribute: str, *, bootstraps: int) -> float:
    """MetricFrame's rates of one prediction for one attribute, with bootstrap intervals."""
    from fairlearn.metrics import MetricFrame, selection_rate

    y_pred = frame[[f"score_{label}" for label in LABELS]].to_numpy().argmax(axis=1) == 0
    truth = (frame["label"] == LABELS[0]).to_numpy()

    def work() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame_with_intervals = MetricFrame(
                metrics=selection_rate,
                y_true=truth,
                y_pred=y_pred,
                sensitive_features=frame[attribute],
                n_boot=bootstraps,
                ci_quantiles=[0.025, 0.975],
                random_state=0,
            )
            len(frame_with_intervals.by_group_ci)

    return fastest(work, repeats=1)


def audit_line(rows: int, attributes: int) -> None:
    """The audit of a large table, all pairs of attributes, against Fairlearn on a part of the same work."""
    frame = table(rows, attributes)
    predictions = predictions_from_table(frame)
    config = AuditConfig(map_pictures=0)
    memory = peak_memory(predictions, config)  # first, while no earlier audit has raised the process's own peak
    cells = len(run_audit(predictions, config).findings)
    ours = fastest(lambda: run_audit(predictions, config))
    print(f"audit   {rows:,} rows, {attributes} attributes, all pairs: {cells:,} cells with intervals and exact p")
    print(f"        ours       {ours:8.2f} s   {memory:6.0f} MiB beyond the input   {1e6 * ours / cells:10.1f} µs a cell")
    part, bootstraps, attribute = frame.iloc[: rows // 10], 50, "attribute_3"
    theirs = fairlearn_seconds(part, attribute, bootstraps=bootstraps)
    groups = frame[attribute].nunique()
    per_cell = theirs / groups
    print(
        f"        Fairlearn  {theirs:8.2f} s   {len(part):,} rows, one label, one attribute ({groups} groups), {bootstraps} "
        f"bootstraps   {1e6 * per_cell:10.1f} µs a cell"
    )
    print(f"        ratio      {per_cell / (ours / cells):8.0f} x a cell, on a tenth of the rows")


def training_line() -> None:
    """Five epochs on as many features as Emotion6 has, against the published loop's way (a Python loop over pairs)."""
    import torch

    from affect_workbench.data.features import FeatureSet, FeatureSpec
    from affect_workbench.data.taxonomies.taxonomy import Taxonomy
    from affect_workbench.probes.anchors.anchors import anchors_from
    from affect_workbench.probes.training.fit import FitConfig, fit
    from affect_workbench.probes.training.losses import info_nce

    rng, taxonomy = np.random.default_rng(0), Taxonomy.named("ekman6")
    codes = rng.integers(6, size=1_386)
    values = (rng.standard_normal((1_386, 768)) + 2 * np.eye(768)[codes]).astype(np.float32)
    rows = pd.DataFrame({"image_id": np.arange(1_386).astype(str), "label": np.array(taxonomy.labels)[codes]})
    features = FeatureSet(FeatureSpec(width=768, encoder="bench"), values, rows)
    config = FitConfig(epochs=5, batch=32, patience=5)
    anchors = anchors_from(config.anchors, taxonomy, template=config.template)
    probes = [fit(config, features, taxonomy=taxonomy, anchors=anchors, progress=False) for _ in range(3)]
    ours = min(probe.config["training_seconds"] for probe in probes)
    print(f"train   1,386 features of width 768, 5 epochs, batch 32\n        ours       {ours:8.2f} s")

    bank = torch.from_numpy(anchors.vectors)
    z = torch.nn.functional.normalize(torch.randn(32, bank.shape[1]), dim=1).requires_grad_()
    y = torch.from_numpy(codes[:32])

    def looped() -> None:
        terms = [
            -torch.log(torch.exp(z[i] @ bank[y[i]] / 0.1) / sum(torch.exp(z[i] @ bank[j] / 0.1) for j in range(len(bank))))
            for i in range(len(z))
        ]
        torch.stack(terms).mean().backward()

    def vectorised() -> None:
        info_nce(z, bank, y).backward()

    slow, fast = fastest(looped, repeats=20), fastest(vectorised, repeats=20)
    print(f"        InfoNCE of one batch: looped {1e3 * slow:.2f} ms, ours {1e3 * fast:.3f} ms, ratio {slow / fast:.0f} x")


def small_audit_line() -> None:
    """CPU time of a whole small audit, and of refusals, against the import of pandas that it cannot do without."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table(3_000, 4).to_csv(folder / "table.csv", index=False)
        table(3_000, 4).to_parquet(folder / "table.parquet")
        audit = ("-m", "affect_workbench", "audit", "-o", str(folder / "run"), "--overwrite", "--predictions")
        pandas = cpu_seconds("-c", "import pandas")
        for what, words in (
            ("whole, without a map", (str(folder / "table.csv"), "--map-pictures", "0")),
            ("whole, with its map", (str(folder / "table.csv"),)),
            ("wrong path", (str(folder / "nowhere.csv"),)),
            ("wrong column of a CSV", (str(folder / "table.csv"), "--attributes", "nowhere")),
            ("wrong column of a Parquet", (str(folder / "table.parquet"), "--attributes", "nowhere")),
        ):
            ours = cpu_seconds(*audit, *words)
            print(f"small   {what:26} {ours:5.2f} CPU-s, `import pandas` {pandas:.2f} CPU-s, ratio {ours / pandas:4.1f} x")


def cpu_seconds(*words: str, repeats: int = 3) -> float:
    """User and system time of the cheapest of a few runs of Python with these words, on one thread."""
    taken = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


def help_line() -> None:
    """`workbench --help` against a bare interpreter."""
    ours = fastest(
        lambda: subprocess.run([sys.executable, "-m", "affect_workbench", "--help"], capture_output=True, check=True)
    )
    bare = fastest(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
    print(f"help    workbench --help {ours:.2f} s, a bare interpreter {bare:.2f} s, ratio {ours / bare:.1f} x")


def _values(rng: np.random.Generator, rows: int, count: int) -> np.ndarray:
    return np.array([f"value {number}" for number in range(count)], dtype=object)[rng.integers(count, size=rows)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the audited table (default: 200000)")
    parser.add_argument("--attributes", type=int, default=10, help="attributes of the audited table (default: 10)")
    asked = parser.parse_args()
    help_line()
    small_audit_line()
    audit_line(asked.rows, asked.attributes)
    training_line()


if __name__ == "__main__":
    main()
