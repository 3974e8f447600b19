"""Whatever happened to a saved file: its reader reads it, or says in one line that names it what is wrong."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affect_workbench.analyses.duplicates.find import PictureSet, overlap
from affect_workbench.data.concepts.annotations import gold_labels, read_answers
from affect_workbench.data.concepts.definitions import read_directions, read_prompt_pairs
from affect_workbench.data.datasets.feature_files import read_array
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.predictions import predictions_from_table
from affect_workbench.data.storage.atomic import MARKER, atomic_folder, write_json
from affect_workbench.data.tables.read import read_table
from affect_workbench.data.taxonomies.files import read_taxonomy
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.checkpoint import load_probe
from affect_workbench.probes.config import FitConfig
from affect_workbench.probes.encoders.encode import _Shard
from affect_workbench.probes.evaluation.evaluate import load_baselines
from affect_workbench.probes.projector import MetricProjector
from affect_workbench.probes.tinyemo.files import checked_state, config_beside, load_weights
from affect_workbench.probes.training.state import _saved_state
from affect_workbench.workbench.audit.context import audit_context
from affect_workbench.workbench.audit.inputs import _basis
from affect_workbench.workbench.concepts.queue import Queue, open_queue, save_queue
from affect_workbench.workbench.datasets.overlap_store import SavedOverlap, load_overlap, save_overlap
from affect_workbench.workbench.discovery.store import load_discovery
from affect_workbench.workbench.interface.options import read_toml
from affect_workbench.workbench.models.evaluation.reproduce_training import _require_same
from affect_workbench.workbench.models.training.provenance import _kept
from affect_workbench.workbench.models.training.settings import TrainSettings
from affect_workbench.workbench.models.training.sweep.trials import TrialResult, load_trials, save_trial
from affect_workbench.workbench.report.system.card import read_system_card
from affect_workbench.workbench.runs.reviews import load_reviews
from affect_workbench.workbench.runs.store import _permutation_check, _reading, load_audit
from damage import damaged
from workbench_runs import workbench

WRITTEN = Path(__file__).parents[2] / "assets" / "written-by-0.1.0"
EKMAN = Taxonomy.named("ekman6")


@dataclass(frozen=True)
class Reader:
    """How a folder is read, which of its files are damaged how often, and whether every refusal must name them."""

    read: Callable[[Path], Any]
    files: dict[str, int]
    named: bool = True


def read_probe(folder: Path) -> None:
    load_probe(folder)
    load_baselines(folder / "baselines.safetensors")


def read_small_files_of_a_probe(folder: Path) -> None:
    _kept([folder])
    _basis(folder)
    asked = SimpleNamespace(fit=FitConfig(), seeds=1)
    try:
        _require_same(folder, asked, 1)
    except ValueError as error:
        if "was trained with other settings" not in str(error):
            raise


def read_labels(folder: Path) -> None:
    gold_labels(open_queue(folder).answers)


def read_sweep(folder: Path) -> None:
    try:
        load_trials(folder, SimpleNamespace(codes=np.zeros(10)), {"folds": 3})
    except ValueError as error:
        if "is of a sweep over other features" not in str(error):
            raise


def read_tinyemo(folder: Path) -> None:
    checked_state(load_weights(folder / "model.safetensors"), folder / "model.safetensors")
    config_beside(folder / "model.safetensors")


def read_tables(folder: Path) -> None:
    predictions_from_table(read_table(folder / "predictions.parquet"), source=str(folder / "predictions.parquet"))


READERS = {
    "features": Reader(FeatureSet.load, {"spec.json": 55, "values.npy": 55, "rows.parquet": 55, MARKER: 25}),
    "probe": Reader(
        read_probe, {"config.json": 80, "model.safetensors": 25, "pictures.parquet": 25, "baselines.safetensors": 25}
    ),
    "small": Reader(read_small_files_of_a_probe, {"sources.json": 40, "metrics.json": 70}),
    "audit": Reader(
        load_audit, {"audit.json": 80, "slices.parquet": 20, "samples.parquet": 20, "tables/levels.parquet": 20, MARKER: 15}
    ),
    "reading": Reader(_reading, {"reading.json": 105}),
    "selftest": Reader(_permutation_check, {"selftest.json": 40}),
    "review": Reader(load_reviews, {"review.json": 55}),
    "overlap": Reader(load_overlap, {"overlap.json": 55, "pairs.csv": 40, "counts.csv": 25, "classes.csv": 25}),
    "labels": Reader(read_labels, {"queue.json": 40, "queue.csv": 40, "labels.csv": 55}),
    "sweep": Reader(read_sweep, {"trial-00000.json": 105, "question.json": 20}),
    "discovery": Reader(load_discovery, {"discover.json": 70, "members.parquet": 35}),
    "manifest": Reader(Manifest.load, {"manifest.json": 55, "rows.parquet": 40, "problems.parquet": 20}),
    "shard": Reader(lambda folder: _Shard.read(folder / "000000.npz").values(), {"000000.npz": 80}),
    "state": Reader(lambda folder: _saved_state(folder / "state.pt", torch.device("cpu")), {"state.pt": 25}),
    "pair": Reader(lambda folder: read_directions(folder / "pair.npy"), {"pair.npy": 70}),
    "heads": Reader(lambda folder: read_directions(folder / "heads.npz"), {"heads.npz": 70}),
    "prompts": Reader(lambda folder: read_prompt_pairs(folder / "prompts.csv"), {"prompts.csv": 55}),
    "gold": Reader(lambda folder: gold_labels(read_answers([folder / "gold.csv"])), {"gold.csv": 55}),
    "valence": Reader(lambda folder: audit_context(valence=str(folder / "v.csv"), taxonomy=EKMAN), {"v.csv": 70}),
    "lexicon": Reader(lambda folder: audit_context(valence=str(folder / "v.parquet"), taxonomy=EKMAN), {"v.parquet": 55}),
    "taxonomy": Reader(lambda folder: read_taxonomy(folder / "own.toml"), {"own.toml": 105}),
    "system": Reader(lambda folder: read_system_card(folder / "system.toml"), {"system.toml": 80}),
    "settings": Reader(lambda folder: read_toml(folder / "train.toml", TrainSettings), {"train.toml": 105}),
    "array": Reader(lambda folder: read_array(folder / "rows.parquet", folder / "rows.npy"), {"rows.npy": 70}),
    "predictions": Reader(read_tables, {"predictions.parquet": 55}, named=False),
    "tinyemo": Reader(read_tinyemo, {"model.safetensors": 40, "config.json": 40}),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small whole folder for every reader."""
    root = tmp_path_factory.mktemp("saved")
    for name in ("features", "probe"):
        shutil.copytree(WRITTEN / name, root / name)
    shutil.copytree(WRITTEN / "probe", root / "small")
    write_json(
        root / "small/metrics.json",
        json.loads((WRITTEN / "probe/metrics.json").read_text())
        | {"out_of_fold": {"temperatures": [0.05, 0.06]}, "seed_accuracies": [0.5]},
    )
    shutil.copytree(
        WRITTEN / "audit", root / "audit", ignore=shutil.ignore_patterns("space_*", "[a-k]*.parquet", "o*.parquet")
    )
    audit = json.loads((root / "audit/audit.json").read_text(encoding="utf-8"))
    write_json(root / "audit/audit.json", audit | {"findings": audit["findings"][:4]})
    for name in ("reading", "selftest", "review"):
        (root / name).mkdir()
        shutil.copy(root / f"audit/{name}.json", root / name)
        (root / f"audit/{name}.json").unlink()
    remark(root / "audit")
    rows = pd.DataFrame({"image_id": list("abcd"), "path": list("abcd"), "content": list("xyxz"), "label": ["joy"] * 4})
    with atomic_folder(root / "overlap") as partial:
        save_overlap(
            SavedOverlap(overlap(PictureSet(rows.assign(split=["train", "train", "test", "test"]))), "a", "a"), partial
        )
    pictures = pd.DataFrame({"image_id": ["007", "b"], "path": ["p", ""], "stratum": [0, 1], "probability": [0.5, 0.25]})
    save_queue(Queue(root / "labels", "night", "Night?", 3, "run", pictures))
    answers = "concept,image_id,answer,annotator,time,stratum,probability\nnight,007,yes,Ana,2026-01-01,0,0.5\n"
    (root / "labels/labels.csv").write_text(answers)
    tried = TrialResult(0, "complete", {"batch": 64}, FitConfig(), (0.5, 0.75), np.ones(10, dtype=bool), 1.5, 2.0)
    save_trial(tried, root / "sweep")
    write_json(root / "sweep/question.json", {"folds": 3})
    slices = {
        "slice": 1,
        "name": "n",
        "why": "w",
        "true_class": "",
        "emotion": "joy",
        "direction": "more",
        "origin": "leaf",
        "n_explore": 9,
        "n_confirm": 8,
        "rate": 0.5,
        "expected": 0.25,
        "effect": 0.25,
        "low": 0.1,
        "high": 0.4,
        "p": 0.01,
        "q": None,
        "verdict": "verified",
        "explained_by": 0,
        "strength": 3.0,
    }
    with atomic_folder(root / "discovery") as partial:
        write_json(partial / "discover.json", {"headline": "h", "notes": ["n"], "slices": [slices]})
        members = {"slice": [1, 1], "image_id": ["a", "b"], "half": ["confirm"] * 2, "score": [0.5, 1.0]}
        pd.DataFrame(members).to_parquet(partial / "members.parquet")
    Manifest(rows.assign(split="train"), root, "table", EKMAN, notes=("a note",)).save(root / "manifest")
    for name in (
        "shard",
        "state",
        "pair",
        "heads",
        "prompts",
        "gold",
        "valence",
        "lexicon",
        "taxonomy",
        "system",
        "settings",
        "array",
        "predictions",
        "tinyemo",
    ):
        (root / name).mkdir()
    values = np.arange(8, dtype=np.float32).reshape(2, 4)
    contents, readable = np.array(["x", "y", "z"]), np.array([True, True, False])
    _Shard(root / "shard/000000.npz", contents, readable, np.array(["gone"])).write(np.zeros((3, 4), np.float32))
    torch.save({"asked": "x", "history": []}, root / "state/state.pt")
    np.save(root / "pair/pair.npy", values)
    np.savez(root / "heads/heads.npz", night_w=values[1], night_b=np.zeros(1))
    (root / "prompts/prompts.csv").write_text("name,prompt,opposite\nnight,at night,by day\ndog,a dog,no dog\n")
    (root / "gold/gold.csv").write_text(answers)
    lexicon = pd.DataFrame({"label": ["joy", "anger", "table"], "valence": [8.1, 2.5, 5.0]})
    lexicon.to_csv(root / "valence/v.csv", index=False)
    lexicon.to_parquet(root / "lexicon/v.parquet")
    own = 'name = "own"\nlabels = ["rage", "bliss"]\npolarity = { rage = -1, bliss = 1 }\nsynonyms = { rage = ["fury"] }\n'
    (root / "taxonomy/own.toml").write_text(own + 'maps.ekman6 = { rage = "anger", bliss = "joy" }\n')
    (root / "system/system.toml").write_text('name = "s"\npictures_of_people = true\nimpacts = ["a"]\nused_at = ["work"]\n')
    (root / "settings/train.toml").write_text('features = "f"\nout = "o"\nepochs = 3\nholdout = 0.5\nalso = ["a"]\n')
    shutil.copy(root / "features/rows.parquet", root / "array/rows.parquet")
    shutil.copy(root / "features/values.npy", root / "array/rows.npy")
    shutil.copy(WRITTEN / "probe/predictions.parquet", root / "predictions/predictions.parquet")
    from safetensors.torch import save_file

    save_file(MetricProjector(4, 6).state_dict(), root / "tinyemo/model.safetensors")
    write_json(root / "tinyemo/config.json", {"mm_vision_tower": "a", "architectures": ["b"]})
    return root


def remark(folder: Path) -> None:
    """Writes the sizes of the files into the marker, so that damage is met by the reader behind it."""
    if (folder / MARKER).is_file():
        files = json.loads((folder / MARKER).read_text(encoding="utf-8"))["files"]
        sizes = {name: (folder / name).stat().st_size for name in files if (folder / name).is_file()}
        (folder / MARKER).write_text(json.dumps({"files": sizes}), encoding="utf-8")


@pytest.mark.parametrize("name", READERS)
def test_whole_files_are_read(saved, name):
    READERS[name].read(saved / name)


@pytest.mark.parametrize(
    ("name", "file", "times"), [(name, file, times) for name, one in READERS.items() for file, times in one.files.items()]
)
def test_a_damaged_file_is_read_or_refused_in_one_line_that_names_it(saved, name, file, times):
    folder, reader = saved / name, READERS[name]
    whole = {path: path.read_bytes() for path in {folder / file, folder / MARKER} if path.is_file()}

    @settings(max_examples=times, suppress_health_check=list(HealthCheck), deadline=None)
    @given(seed=st.integers(0, 2**32))
    def tried(seed: int) -> None:
        (folder / file).write_bytes(damaged(folder / file, random.Random(seed)))
        if file != MARKER:
            remark(folder)
        try:
            reader.read(folder)
        except (ValueError, TypeError, OSError) as error:
            refused = error
        else:
            return
        finally:
            for path, content in whole.items():
                path.write_bytes(content)
        assert "\n" not in str(refused).strip(), repr(refused)
        assert not isinstance(refused, UnicodeError), repr(refused)
        assert str(folder) in str(refused) or not reader.named, repr(refused)
        assert len(str(refused)) < 1_500, repr(refused)

    tried()


def test_a_byte_order_mark_is_no_damage(saved, tmp_path):
    for name in ("review/review.json", "taxonomy/own.toml"):
        (tmp_path / Path(name).name).write_bytes(b"\xef\xbb\xbf" + (saved / name).read_bytes())
    assert load_reviews(tmp_path) == load_reviews(saved / "review")
    assert read_taxonomy(tmp_path / "own.toml") == read_taxonomy(saved / "taxonomy/own.toml")


def test_a_lexicon_without_a_word_that_is_a_label_is_refused_in_words(tmp_path):
    (tmp_path / "v.csv").write_text("label,valence\ntable,5\n")
    with pytest.raises(ValueError, match=r"v\.csv gives a valence for none of anger, disgust"):
        audit_context(valence=str(tmp_path / "v.csv"), taxonomy=EKMAN)


@pytest.mark.parametrize(
    ("words", "name", "file"),
    [
        (("report", "{}"), "audit", "audit.json"),
        (("report", "{}"), "audit", "samples.parquet"),
        (("review", "{}"), "audit", "slices.parquet"),
        (("compare", "{}", "{}", "-o", "none"), "audit", "audit.json"),
        (("evaluate", "--features", "{}/../features", "--probe", "{}"), "probe", "config.json"),
        (("train", "--features", "{}", "-o", "none"), "features", "values.npy"),
        (("train", "--config", "{}/train.toml"), "settings", "train.toml"),
        (("audit", "--predictions", "{}", "-o", "none"), "probe", "predictions.parquet"),
        (
            ("audit", "--predictions", "{}/predictions.parquet", "--valence", "{}/../valence/v.csv", "-o", "none"),
            "predictions",
            "predictions.parquet",
        ),
    ],
)
def test_a_command_says_it_in_one_line_and_ends_with_2(saved, tmp_path, monkeypatch, words, name, file):
    monkeypatch.chdir(tmp_path)
    folder = saved / name
    whole = {path: path.read_bytes() for path in (folder / file, folder / MARKER) if path.is_file()}
    try:
        for content in (b"null", whole[folder / file][: len(whole[folder / file]) // 2]):
            (folder / file).write_bytes(content)
            remark(folder)
            outcome = workbench(*(word.format(folder) for word in words))
            last = outcome.err.strip().splitlines()
            assert outcome.code == 2, outcome
            assert len([line for line in last if "error:" in line]) == 1
            assert "Traceback" not in outcome.err
    finally:
        for path, content in whole.items():
            path.write_bytes(content)


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("tables/levels.parquet", lambda table: table.drop(columns="effect")),
        ("samples.parquet", lambda table: table.drop(columns="audit_margin")),
        ("slices.parquet", lambda table: table.assign(n=None)),
    ],
)
def test_a_run_whose_tables_lack_something_is_not_shown_and_says_so(saved, file, change):
    folder = saved / "audit"
    whole = {path: path.read_bytes() for path in (folder / file, folder / MARKER)}
    try:
        change(pd.read_parquet(folder / file)).to_parquet(folder / file)
        remark(folder)
        outcome = workbench("report", folder)
        assert "Traceback" not in outcome.err
        assert outcome.code in (0, 2)
        assert outcome.code == 0 or str(folder) in outcome.err
    finally:
        for path, content in whole.items():
            path.write_bytes(content)
