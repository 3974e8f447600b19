"""A bias planted in a connector is found by commands alone: in the answers, in the answer probe, and by erasing it.

Two shipped models (`tests/assets/planted-llava`, made by `bench/planted_llava.py`): one whose connector learned to describe
noisy pictures as angry, and its twin that did not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from affect_workbench.workbench.models.attaching.files import attached_tables
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import SLIM, succeeded

MODELS = Path(__file__).parents[3] / "assets" / "planted-llava"
TOLERANCE = ("--tolerance", 0.1)
"""Two small models differ a little for real: what counts is size."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    write_scenes(folder / "world", train=6, test=600, seed=11, progress=False).save(folder / "manifest")
    return folder


@pytest.fixture(scope="module")
def attached(pictures) -> Path:
    """The biased model: asked, tapped, camera erased."""
    out = pictures / "biased"
    given = ["--pictures", pictures / "manifest", "--split", "test", "--batch", 64, "--at", "connector.out", "last"]
    succeeded("attach", MODELS / "biased", *given, "--erase", "camera", "--erase-pictures", 240, "-o", out)
    return out


@pytest.fixture(scope="module")
def twin(pictures) -> Path:
    out = pictures / "fair"
    given = [
        "--pictures",
        pictures / "manifest",
        "--split",
        "test",
        "--batch",
        64,
        "--at",
        "connector.out",
        "--no-projector",
    ]
    succeeded("attach", MODELS / "fair", *given, "-o", out)
    return out


@pytest.fixture(scope="module")
def of_the_biased(attached, tmp_path_factory) -> dict[str, AuditResult]:
    """Audits of what the biased model answered, and of what its answer probe predicts."""
    out = tmp_path_factory.mktemp("audits")
    return {name: audited(folder, out / name) for name, folder in (("answers", attached / "answers"), ("probe", attached))}


def audited(folder: Path, out: Path) -> AuditResult:
    succeeded("audit", "--predictions", folder, "--attributes", "camera", *TOLERANCE, *SLIM, "-o", out)
    return load_audit(out)


def noisy_anger(result: AuditResult):
    table = result.findings
    return table[[where == {"camera": "noisy"} for where in table["where"]]].query("emotion == 'anger'").iloc[0]


def test_answers_and_answer_probe_differ_for_the_planted_slice(of_the_biased):
    for result in of_the_biased.values():
        found = noisy_anger(result)
        assert found["verdict"] == "skewed"
        assert found["effect"] >= 0.2
        assert found["attribution"] == "model"


def test_the_twin_stays_below_the_tolerance(twin, tmp_path):
    for folder in (twin / "answers", twin):
        found = noisy_anger(audited(folder, tmp_path / folder.name))
        assert abs(found["effect"]) < 0.1
        assert found["verdict"] != "skewed"


def test_the_probe_is_certified(of_the_biased):
    certificate = of_the_biased["probe"].certificate
    assert certificate is not None
    assert certificate.speaks
    assert certificate.agreement >= 0.75


def test_erasing_by_position_takes_the_skew_and_random_directions_do_not(attached):
    table = attached_tables(attached)["causal"]
    row = table[table["erased"] & (table["slice"] == "camera: noisy") & (table["emotion"] == "anger")].iloc[0]
    assert row["before"] >= 0.2
    assert row["removed"] >= 0.6
    assert abs(row["random_removed"]) <= 0.1
    assert row["random"] >= 20


def test_a_probe_on_true_labels_is_nearly_blind_to_it(attached):
    """What is readable at a place is not what the model says: only the probe of its answers speaks for it."""
    layers = attached_tables(attached)["layers"].set_index(["place", "reader"])
    at = layers.loc["connector.out"]
    assert at.loc["answer probe", ["slice", "emotion"]].tolist() == ["camera: noisy", "anger"]
    assert at.loc["answer probe", "skew"] >= 0.2
    for reader in ("linear probe", "Metric Projector"):
        assert abs(at.loc[reader, "skew"]) < 0.15
