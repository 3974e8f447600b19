"""Nearest neighbours: those of a loop and of scikit-learn, whatever the blocks, without a copy of what is on disk."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from affect_workbench.probes.evaluation import neighbours
from affect_workbench.probes.evaluation.neighbours import nearest_pictures, neighbour_shares


def unit(values: np.ndarray) -> np.ndarray:
    values = values.astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def drawn(n: int, width: int = 12, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, width)).astype(np.float32)


@pytest.mark.parametrize(("learnt", "asked", "count"), [(7, 3, 15), (40, 1, 15), (301, 97, 5), (1, 4, 1)])
@pytest.mark.parametrize("blocks", [(8_192, 1_024), (16, 9), (1, 1)])
def test_the_nearest_are_those_of_a_loop_whatever_the_blocks(monkeypatch, learnt, asked, count, blocks) -> None:
    monkeypatch.setattr(neighbours, "_LEARNT", blocks[0])
    monkeypatch.setattr(neighbours, "_ASKED", blocks[1])
    values, new = drawn(2 * learnt), drawn(asked, seed=1)
    within = np.random.default_rng(2).permutation(2 * learnt)[:learnt]
    distances, nearest = nearest_pictures(values, within, new, neighbours=count)
    assert distances.shape == nearest.shape == (asked, min(count, learnt))
    for row, picture in enumerate(unit(new)):
        apart = np.linalg.norm(unit(values[within]).astype(float) - picture, axis=1)
        assert nearest[row].tolist() == np.argsort(apart)[:count].tolist()
        assert distances[row] == pytest.approx(np.sort(apart)[:count], abs=1e-7)


def test_shares_are_those_of_scikit_learn() -> None:
    values, new, codes = drawn(400), drawn(150, seed=1), np.random.default_rng(2).integers(3, size=400)
    codes[codes == 2] = 3  # a label without a training picture
    new[5] = values[17]  # no distance at all
    shares = neighbour_shares(values, np.arange(400), codes, new, neighbours=15, k=4)
    model = KNeighborsClassifier(15, weights="distance", algorithm="brute").fit(unit(values).astype(float), codes)
    assert shares[:, [0, 1, 3]] == pytest.approx(model.predict_proba(unit(new).astype(float)), abs=1e-6)
    assert (shares[:, 2] == 0).all()
    assert shares[5].max() == 1


def test_blocks_change_no_bit_of_the_shares_even_among_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    values, codes = np.repeat(drawn(60), 5, axis=0), np.random.default_rng(2).integers(3, size=300)
    new = np.vstack([drawn(40, seed=1), values[::11]])
    whole = neighbour_shares(values, np.arange(300), codes, new, neighbours=15, k=3)
    monkeypatch.setattr(neighbours, "_LEARNT", 64)
    monkeypatch.setattr(neighbours, "_ASKED", 13)
    assert (neighbour_shares(values, np.arange(300), codes, new, neighbours=15, k=3) == whole).all()


def test_what_is_on_disk_is_never_copied_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_LEARNT", 512)
    monkeypatch.setattr(neighbours, "_ASKED", 64)
    np.save(tmp_path / "values.npy", drawn(40_000, 64).astype(np.float16))
    values, codes = np.load(tmp_path / "values.npy", mmap_mode="r"), np.arange(40_000) % 6
    new, within = drawn(64, 64, seed=1), np.arange(40_000)
    tracemalloc.start()
    neighbour_shares(values, within, codes, new, neighbours=15, k=6)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < values.nbytes / 2  # 5 MB of features in half precision; a float copy takes 10
