"""Are planted copies found, are different pictures left alone, and is the fast search the same as the naive one?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.duplicates import approximate_search as near_index
from affect_workbench.analyses.duplicates import exact_search as near
from affect_workbench.analyses.duplicates.find import PictureSet, leaked, overlap
from affect_workbench.data.images.perceptual_hash import Hashes
from affect_workbench.data.storage.arrays import unit_rows


def rows(count, prefix="a", **columns):
    return pd.DataFrame({"image_id": [f"{prefix}{at}" for at in range(count)], **columns})


def features(count, seed, width=32, centres=5):
    """Clustered vectors: different pictures of a few kinds."""
    rng = np.random.default_rng(seed)
    kinds = np.random.default_rng(99).standard_normal((centres, width))
    return (kinds[rng.integers(0, centres, count)] + rng.standard_normal((count, width))).astype(np.float32)


def random_hashes(count, seed):
    return Hashes(np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64), np.zeros(count, dtype=bool))


def naive_cosine(a, b, threshold):
    return {
        (i, j)
        for i, j in zip(*np.nonzero(a @ (a if b is None else b).T >= threshold), strict=True)
        if b is not None or i < j
    }


@pytest.mark.parametrize(
    ("n", "m", "width"), [(1, 1, 3), (1, 2_500, 8), (2_049, 8_193, 20), (700, 33, 64), (2_048, None, 70), (3, None, 1)]
)
@pytest.mark.parametrize("threshold", [0.5, 0.9])
def test_cosine_search_is_the_naive_one(n, m, width, threshold):
    a = unit_rows(features(n, 1, width, centres=40))
    b = None if m is None else unit_rows(features(m, 2, width, centres=40))
    if width < 10 or threshold == 0.5:
        a, b = a[:300], b if b is None else b[:300]
    i, j, cosines = near.cosine_pairs(a, b, threshold)
    assert set(zip(i, j, strict=True)) == naive_cosine(a, b, threshold)
    assert len(i) == len(set(zip(i, j, strict=True)))
    np.testing.assert_allclose(
        cosines, [float(a[x] @ (a if b is None else b)[y]) for x, y in zip(i, j, strict=True)], atol=1e-5
    )


@pytest.mark.parametrize("picked", [0.0, 2.0])
@pytest.mark.parametrize("within", [True, False])
def test_pairs_picked_out_or_compared_in_whole_blocks_are_the_same(within, picked, monkeypatch):
    monkeypatch.setattr(near, "_PICKED", picked)
    rng = np.random.default_rng(5)
    a, b = (unit_rows(rng.normal(size=(n, 96)) + 0.2) for n in (300, 220))
    i, j, _ = near.cosine_pairs(a, None if within else b, 0.25)
    assert set(zip(i, j, strict=True)) == naive_cosine(a, None if within else b, 0.25)
    assert len(i) > 100


@pytest.mark.parametrize("within", [True, False])
def test_an_index_finds_what_comparing_all_finds_and_says_how_much(within, monkeypatch):
    pytest.importorskip("faiss")
    rng = np.random.default_rng(5)
    a, b = (unit_rows(features(3_000, seed)) for seed in (1, 2))
    b[:200] = unit_rows(a[:200] + 0.01 * rng.normal(size=a[:200].shape))
    a[2_800:] = unit_rows(a[:200] + 0.01 * rng.normal(size=a[:200].shape))
    threshold = 0.95
    exact = near.cosine_pairs(a, None if within else b, threshold)
    assert len(exact[0]) >= 200
    found = near_index.indexed_pairs(a, None if within else b, threshold)
    pairs = {*zip(found.pairs[0].tolist(), found.pairs[1].tolist(), strict=True)}
    there = {*zip(exact[0].tolist(), exact[1].tolist(), strict=True)}
    assert pairs <= there
    assert len(pairs) >= 0.99 * len(there)
    assert found.made_up >= 490
    assert found.found >= 450
    monkeypatch.setattr(near_index, "FROM", 1)
    sides = [PictureSet(rows(3_000), a), *([] if within else [PictureSet(rows(3_000, "b"), b)])]
    said = overlap(*sides, threshold=threshold)
    assert any(f"which finds {found.found}" in note for note in said.notes)
    monkeypatch.setattr(near_index, "available", lambda: False)
    slow = overlap(*sides, threshold=threshold)
    assert any("the extra `scale` (faiss) is faster" in note for note in slow.notes)
    assert len(slow.pairs) >= len(said.pairs)


def test_an_index_that_looks_into_one_cell_admits_what_it_misses(monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(near_index, "_PROBED", 1)
    found = near_index.indexed_pairs(unit_rows(features(3_000, 1)), None, 0.6)
    assert found.found < 0.9 * found.made_up


@pytest.mark.parametrize("radius", [0, 3, 4, 7])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (300, 77), (400, None), (0, 5)])
def test_hamming_search_is_the_naive_one(n, m, radius):
    rng = np.random.default_rng(radius)
    seeds = rng.integers(0, 2**64, 12, dtype=np.uint64)

    def drawn(count):
        flips = (rng.random((count, 64)) < 0.06) @ (np.uint64(1) << np.arange(64, dtype=np.uint64))
        return seeds[rng.integers(0, 12, count)] ^ flips.astype(np.uint64)

    a, b = drawn(n), None if m is None else drawn(m)
    other = a if b is None else b
    distance = np.bitwise_count(a[:, None] ^ other[None])
    expected = {(i, j) for i, j in zip(*np.nonzero(distance <= radius), strict=True) if b is not None or i < j}
    i, j, bits = near.hamming_pairs(a, b, radius)
    assert set(zip(i, j, strict=True)) == expected
    assert len(i) == len(expected)
    assert bits.tolist() == distance[i, j].tolist()


def test_large_buckets_come_in_portions(monkeypatch):
    monkeypatch.setattr(near, "_CANDIDATES", 64)
    a = np.arange(50, dtype=np.uint64)
    i, _, _ = near.hamming_pairs(a, None, 7)
    assert len(i) == 50 * 49 // 2


def test_planted_copies_are_found_and_nothing_else():
    a, b = features(800, 1), features(600, 2)
    b[:25] = a[100:125] + np.random.default_rng(3).normal(0, 0.05, (25, 32))
    b[421] = -b[421]  # about one pair is expected by chance; this is it
    labels = ["joy", "fear"] * 300
    found = overlap(
        PictureSet(rows(800, label="joy", split="train"), features=a), PictureSet(rows(600, "b", label=labels), features=b)
    )
    assert found.pairs[["a", "b"]].sort_values("b").to_numpy().tolist() == [[100 + at, at] for at in range(25)]
    assert set(found.pairs["kind"]) == {"near"}
    assert set(found.pairs["found_by"]) == {"features"}
    assert found.pictures() == 25
    assert found.counts.to_dict("records") == [
        {"split_a": "train", "split_b": "", "exact": 0, "near": 25, "pictures_a": 25, "pictures_b": 25}
    ]
    assert found.classes.set_index("label").loc["fear"].to_dict() == {
        "pictures": 300,
        "exact": 0,
        "near": 12,
        "relabelled": 12,
    }
    assert "about one pair of different pictures" in found.calibration


@pytest.mark.parametrize("seed", range(8))
def test_disjoint_sets_are_quiet(seed):
    found = overlap(
        PictureSet(rows(700), features=features(700, seed)), PictureSet(rows(500, "b"), features=features(500, seed + 50))
    )
    assert len(found.pairs) <= 2


def test_copies_already_in_the_set_do_not_hide_others():
    a, b = features(800, 1), features(600, 2)
    a[770:] = a[:30] + np.random.default_rng(4).normal(0, 0.02, (30, 32))
    a[690:700] = a[0]
    b[:25] = a[100:125] + np.random.default_rng(3).normal(0, 0.05, (25, 32))
    found = overlap(PictureSet(rows(800), features=a), PictureSet(rows(600, "b"), features=b))
    assert set(range(25)) <= set(found.pairs["b"])
    assert len(set(found.pairs["b"])) <= 27
    a[600:765] = a[:165] + np.random.default_rng(4).normal(0, 0.02, (165, 32))
    crowded = overlap(PictureSet(rows(800), features=a), PictureSet(rows(600, "b"), features=b))
    assert crowded.threshold > found.threshold
    assert any("accepts only the closest pairs" in note for note in crowded.notes)


def test_real_features_in_random_halves(emotion6):
    """No two real halves share more than the one pair that looks like two frames of one scene (cosine 0.98)."""
    values = emotion6.values
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(values))
        a, b = values[order[:693]], values[order[693:]].astype(np.float32)
        quiet = overlap(PictureSet(rows(693), features=a), PictureSet(rows(len(b), "b"), features=b))
        assert len(quiet.pairs) <= 2
        noise = (
            np.random.default_rng(9).standard_normal((20, 768)) * np.linalg.norm(a[:20].astype(np.float32), axis=1)[:, None]
        )
        b[:20] = a[:20] + 0.1 * noise / np.sqrt(768)
        planted = overlap(PictureSet(rows(693), features=a), PictureSet(rows(len(b), "b"), features=b))
        assert {(at, at) for at in range(20)} <= set(zip(planted.pairs["a"], planted.pairs["b"], strict=True))


def test_bytes_decide_what_is_exact():
    a = rows(3, content=["x", "y", None], label=["joy", "joy", "joy"], path=["p0", "p1", "p2"])
    b = rows(4, "b", content=["y", None, "y", ""], label=["fear", "fear", "fear", None])
    found = overlap(PictureSet(a), PictureSet(b))
    assert found.pairs[["kind", "found_by", "id_a", "id_b"]].to_numpy().tolist() == [
        ["exact", "content", "a1", "b0"],
        ["exact", "content", "a1", "b2"],
    ]
    assert np.isnan(found.pairs["cosine"]).all()
    assert np.isnan(found.threshold)
    assert found.radius == -1
    assert found.classes.set_index("label").loc["fear", "relabelled"] == 2


def test_ids_are_copies_only_when_they_are_content_hashes():
    ids = [f"{at:016x}" for at in range(4)]
    a, b = pd.DataFrame({"image_id": ids}), pd.DataFrame({"image_id": ids[2:]})
    assert overlap(PictureSet(a), PictureSet(b)).pairs["id_a"].tolist() == ids[2:]
    numbered = overlap(PictureSet(rows(150), features=features(150, 1)), PictureSet(rows(150), features=features(150, 2)))
    assert not (numbered.pairs["kind"] == "exact").any()
    assert "150 ids occur in both sets" in numbered.notes[0]


def test_one_set_across_its_splits():
    content = ["c0", "c1", "c2", "c3", "c0", "c1", "c2"]
    split = ["test", "train", "train", "train", "train", "test", "train"]
    found = overlap(PictureSet(rows(7, content=content, split=split)))
    assert found.within
    assert found.pairs[["id_a", "id_b", "split_a", "split_b"]].to_numpy().tolist() == [
        ["a0", "a4", "test", "train"],
        ["a2", "a6", "train", "train"],
        ["a5", "a1", "test", "train"],
    ]
    assert found.pictures() == 2
    assert found.counts["exact"].tolist() == [2, 1]
    assert len(overlap(PictureSet(rows(7, content=content))).leaking()) == 0


def test_hashes_alone_and_with_features():
    a, b = random_hashes(300, 1), random_hashes(200, 2)
    b.values[:10] = a.values[50:60] ^ np.uint64(0b101)
    b.missing[0] = True
    alone = overlap(PictureSet(rows(300), hashes=a), PictureSet(rows(200, "b"), hashes=b))
    assert sorted(alone.pairs["b"]) == list(range(1, 10))
    assert alone.pairs["hamming"].tolist() == [2] * 9
    assert "1 picture has no perceptual hash" in alone.notes[-1]
    values, others = features(300, 1), features(200, 2)
    others[:5] = values[50:55] * 2
    others[5] = 0
    both = overlap(PictureSet(rows(300), features=values, hashes=a), PictureSet(rows(200, "b"), features=others, hashes=b))
    # 0 has no hash, 1 to 4 agree in both, 5 has no features, 6 to 9 have features that disagree.
    assert both.pairs.set_index("b")["found_by"].to_dict() == {
        0: "features",
        1: "both",
        2: "both",
        3: "both",
        4: "both",
        5: "hash",
    }
    assert both.radius >= alone.radius


def test_small_sets_use_the_default_threshold():
    found = overlap(PictureSet(rows(3), features=features(3, 1)), PictureSet(rows(2, "b"), features=features(3, 1)[:2]))
    assert found.threshold == 0.99
    assert "by default" in found.calibration
    assert found.pairs[["a", "b"]].to_numpy().tolist() == [[0, 0], [1, 1]]
    assert (
        overlap(PictureSet(rows(3), features=features(3, 1)), threshold=0.999).calibration
        == "Feature threshold 0.9990 as given."
    )
    given = overlap(PictureSet(rows(2), hashes=random_hashes(2, 1)), radius=3)
    assert given.calibration == "Hash radius 3 of 64 bits as given."


def test_calibration_needs_pictures_and_uses_the_larger_set():
    with pytest.raises(ValueError, match="cannot calibrate on 5 pictures: expected at least 100"):
        near.calibrated_cosine(unit_rows(features(5, 1)), comparisons=5)
    found = overlap(PictureSet(rows(5), features=features(5, 1)), PictureSet(rows(300, "b"), features=features(300, 2)))
    assert "within the second set" in found.calibration
    assert near.calibrated_cosine(np.ones((200, 1), dtype=np.float32), comparisons=9) == (near._SAME, near._SAME)
    many = near.calibrated_radius(random_hashes(2_000, 1).values, pairs=1e12)
    assert many < near.calibrated_radius(random_hashes(2_000, 1).values, pairs=1e4) == 7


def test_leaked():
    train = rows(3, content=["x", "y", None])
    test = pd.DataFrame({"image_id": ["a0", "new", "other"], "content": ["q", "y", None]})
    assert leaked(train, test).to_numpy().tolist() == [["a0", "a0", "image_id"], ["new", "a1", "content"]]
    assert leaked(frozenset({"other"}), test)["by"].tolist() == ["image_id"]
    assert leaked([], test).columns.tolist() == ["image_id", "train_id", "by"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "nothing to compare: neither content hashes"),
        ({"features_a": np.ones((3, 2))}, "only the first set has features"),
        ({"features_b": np.ones((2, 2))}, "only the second set has features"),
        ({"hashes_a": random_hashes(3, 1)}, "only the first set has hashes"),
        ({"hashes_b": random_hashes(2, 1)}, "only the second set has hashes"),
        ({"hashes_a": random_hashes(3, 1), "hashes_b": random_hashes(3, 1)}, "3 and 3 hashes: expected 3 and 2"),
        (
            {"features_a": np.ones((4, 2)), "features_b": np.ones((2, 2))},
            r"first set have shape \(4, 2\): expected \(3, width\)",
        ),
        ({"features_a": np.ones((3, 2)), "features_b": np.ones((2, 5))}, "2 and 5 wide: expected those of one encoder"),
        ({"features_a": np.full((3, 2), np.nan), "features_b": np.ones((2, 2))}, "first set hold NaN"),
        ({"threshold": 1.5}, "threshold is 1.5: expected above 0"),
        ({"radius": 8}, "radius is 8 bits: expected 0 to 7"),
    ],
)
def test_refusals(given, message):
    with pytest.raises(ValueError, match=message):
        overlap(
            PictureSet(rows(3), given.pop("features_a", None), given.pop("hashes_a", None)),
            PictureSet(rows(2, "b"), given.pop("features_b", None), given.pop("hashes_b", None)),
            **given,
        )


def test_more_refusals(monkeypatch):
    with pytest.raises(ValueError, match="radius is 9 bits"):
        near.hamming_pairs(np.zeros(1, dtype=np.uint64), None, 9)
    monkeypatch.setattr(near, "MOST_PAIRS", 10)
    with pytest.raises(ValueError, match=r"more than 10 pairs have a cosine of at least 0\.5000: raise the threshold"):
        overlap(PictureSet(rows(9), features=np.ones((9, 2))), threshold=0.5)
    with pytest.raises(ValueError, match="more than 10 pairs have a difference of at most 3 bits: lower the radius"):
        overlap(PictureSet(rows(9), hashes=Hashes(np.zeros(9, dtype=np.uint64), np.zeros(9, dtype=bool))), radius=3)
    with pytest.raises(ValueError, match="pairs have the same bytes: remove the duplicates"):
        overlap(PictureSet(rows(9, content="x")), PictureSet(rows(9, "b", content="x")))
