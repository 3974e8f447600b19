"""What do several test files share? Small real pieces: a planted table, a probe trained on it, label anchors."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from pathlib import Path

# Before numpy and torch are imported: threads that share two cores with anything else mostly wait for each other. Numba,
# which umap imports, would set the number for all of OpenMP again.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Streamlit would look through all of memory after every run of a page.
os.environ.setdefault("STREAMLIT_RUNNER_POST_SCRIPT_GC", "false")
# Nothing is read from, or left in, the cache of whoever runs the tests.
os.environ["AFFECT_WORKBENCH_CACHE"] = tempfile.mkdtemp(prefix="affect-workbench-tests-")

import pytest
from hypothesis import HealthCheck, settings

gc.disable()  # until all test files are imported

# Seeded, and never judged by the clock.
settings.register_profile(
    "suite", derandomize=True, deadline=None, database=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes the files that `tests/workbench/interface/test_golden.py` compares with."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files of pages and commands")


def pytest_collection_finish() -> None:
    """What the imports made is there to stay: no garbage collection looks through it again, and none comes often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


def pytest_unconfigure() -> None:
    """Leaves nothing behind."""
    shutil.rmtree(os.environ["AFFECT_WORKBENCH_CACHE"], ignore_errors=True)


SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("real data are not there: ../shared/data is absent beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def ekman_anchors():
    """Label anchors of ekman6 from the bundled MiniLM, with the default template."""
    from affect_workbench.data.taxonomies.taxonomy import Taxonomy
    from affect_workbench.probes.anchors.anchors import anchors_from
    from affect_workbench.probes.config import FitConfig

    return anchors_from(FitConfig().anchors, Taxonomy.named("ekman6"), template=FitConfig().template)


@pytest.fixture(scope="session")
def planted():
    """A small table with a strong bias: 600 training and 900 test pictures, dark figures predicted as angry."""
    from affect_workbench.data.synthetic.features import PlantedBias, feature_table

    return feature_table(biases=[PlantedBias({"figure_tone": "dark"}, "anger", 0.5)], train=600, test=900, seed=7)


@pytest.fixture(scope="session")
def planted_probe(planted, ekman_anchors):
    """A probe trained on the planted table's training split."""
    from affect_workbench.probes.config import FitConfig
    from affect_workbench.probes.training.fit import fit

    return fit(FitConfig(epochs=6, device="cpu"), planted.where(split="train"), anchors=ekman_anchors, progress=False)


@pytest.fixture(scope="session")
def emotion6(shared_data: Path):
    """The real CLIP features of Emotion6's training pictures."""
    from affect_workbench.data.datasets.feature_files import read_features
    from affect_workbench.data.taxonomies.taxonomy import Taxonomy
    from affect_workbench.probes.runtime import read_vector

    return read_features(shared_data / "emotion6", read_vector=read_vector, taxonomy=Taxonomy.named("ekman6"))
