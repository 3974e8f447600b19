"""Drawn pictures that differ in one attribute only: nothing changes but what the attribute itself paints."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from affect_workbench.arrays import Mask
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.images.decode import open_picture
from affect_workbench.data.synthetic.scenes import ATTRIBUTES, draw, emotion_probabilities, paired_scenes, region
from affect_workbench.data.synthetic.scenes.dataset import SEEDS_FILE, drawn_seeds, write_pairs
from affect_workbench.data.synthetic.scenes.streams import Streams

BASE = {
    "setting": "beach",
    "light": "sunny",
    "weather": "clear",
    "subject": "person",
    "figure_tone": "light",
    "held": "nothing",
    "extras": "none",
    "camera": "sharp",
}
LOCAL = {"held": 0.15, "extras": 0.16, "figure_tone": 0.08, "subject": 0.3}
"""Attribute -> largest share of a picture that a change of it may change."""
PAINTED = [name for name in ATTRIBUTES if name != "light"]
"""What changes its own pixels only; light tints everything."""


def pixels(scene, seed) -> np.ndarray:
    return np.asarray(draw(scene, seed=int(seed)), int)


def pairs_of(attribute: str, n: int = 60) -> Iterator[tuple[dict, dict, int]]:
    """Both contents of each pair, over random contents and seeds, and the seed."""
    rows = paired_scenes(n, attribute, rng=np.random.default_rng(17)).to_dict("records")
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        yield first, second, first["seed"]


def changed(first, second, seed) -> Mask:
    return (pixels(first, seed) != pixels(second, seed)).any(axis=2)


@pytest.mark.parametrize("attribute", PAINTED)
def test_a_pair_differs_only_where_its_attribute_is_painted(attribute):
    for first, second, seed in pairs_of(attribute):
        differing = [name for name in ATTRIBUTES if first[name] != second[name]]
        if attribute == "setting" and "room" in (first["setting"], second["setting"]):
            differing += ["light", "weather"]  # sky and weather are seen through the window only
        painted = [region(scene, name, seed=seed) for scene in (first, second) for name in differing]
        here = changed(first, second, seed)
        assert here.any(), (first, second)
        assert not (here & ~np.logical_or.reduce(painted)).any(), (first, second)


@pytest.mark.parametrize("attribute", LOCAL)
def test_a_local_attribute_changes_a_bounded_share_of_the_picture(attribute):
    sharp = (
        (first | {"camera": "sharp"}, second | {"camera": "sharp"}, seed) for first, second, seed in pairs_of(attribute)
    )
    shares = [changed(*pair).mean() for pair in sharp]
    assert min(shares) > 0
    assert max(shares) < LOCAL[attribute]


def test_weather_indoors_is_seen_through_the_window_only():
    for seed in range(10):
        room = BASE | {"setting": "room"}
        here = changed(room | {"weather": "rain"}, room | {"weather": "fog"}, seed)
        assert 0.02 < here.mean() < 0.2
        assert not here[32:].any()


def test_light_moves_nothing_and_recolours_only_by_its_ambience():
    """Clothes, skin and hair are as bright as the light has it: no new colours, places or sizes."""
    ambience = np.array([0.6, 0.62, 0.68])  # of a storm
    for seed in range(20):
        scene = BASE | {"held": "gift"}
        storm = scene | {"light": "storm"}
        for name in ("setting", "subject", "figure_tone", "held"):
            np.testing.assert_array_equal(region(scene, name, seed=seed), region(storm, name, seed=seed))
        whole = Image.fromarray(region(scene, "subject", seed=seed) & ~region(scene, "held", seed=seed)).convert("L")
        inside = np.asarray(whole.filter(ImageFilter.MinFilter(3))) > 0
        assert inside.sum() > 100
        off = np.abs(pixels(storm, seed)[inside] - pixels(scene, seed)[inside] * ambience)
        assert np.quantile(off, 0.95) < 8  # what the same grain adds to both, and sky between arm and body


@pytest.mark.parametrize("camera", ["sharp", "noisy"])
def test_both_pictures_of_a_pair_have_the_same_grain(camera):
    first, second = (BASE | {"held": held, "camera": camera} for held in ("gift", "knife"))
    for seed in range(10):
        same = ~(region(first, "held", seed=seed) | region(second, "held", seed=seed))
        np.testing.assert_array_equal(pixels(first, seed)[same], pixels(second, seed)[same])


def test_noise_is_the_faint_grain_of_the_sharp_picture_made_stronger():
    scene = BASE | {"setting": "room", "light": "overcast"}
    for seed in range(10):
        smooth = pixels(scene | {"camera": "blurred"}, seed)[50:60, :12]  # floor
        sharp, noisy = (pixels(scene | {"camera": camera}, seed)[50:60, :12] - smooth for camera in ("sharp", "noisy"))
        assert np.corrcoef(sharp.ravel(), noisy.ravel())[0, 1] > 0.95
        assert noisy.std() == pytest.approx(4 * sharp.std(), rel=0.15)


def test_what_a_part_draws_depends_on_no_other_part():
    alone, after, other = Streams(7), Streams(7), Streams(8)
    after["extras"].random(5)
    after["light"].integers(9)
    drawn = alone["held"].integers(1_000_000, size=4).tolist()
    assert after["held"].integers(1_000_000, size=4).tolist() == drawn
    assert other["held"].integers(1_000_000, size=4).tolist() != drawn
    assert alone["extras"].integers(1_000_000, size=4).tolist() != drawn
    assert drawn == [
        228892,
        866086,
        650938,
        801924,
    ]  # another number here is another world: weights and figures were made with this one


def test_equal_contents_and_seeds_are_one_picture_whatever_was_drawn_before():
    for first, second, seed in pairs_of("extras", 5):
        before = pixels(first, seed)
        pixels(second, seed)
        np.testing.assert_array_equal(pixels(first, seed), before)


def test_a_region_is_what_is_seen_of_an_attribute_and_empty_where_nothing_is():
    scene = BASE | {"held": "gift", "extras": "none"}
    sizes = {name: region(scene, name, seed=3).mean() for name in ATTRIBUTES}
    assert sizes["extras"] == sizes["weather"] == 0
    assert sizes["camera"] == 1
    assert 0.01 < sizes["held"] < sizes["subject"] < sizes["setting"] < 0.7
    assert 0.3 < sizes["light"] < 0.6
    fire = [scene | {"extras": "fire", "subject": subject} for subject in ("house", "none")]
    behind, free = (region(one, "extras", seed=3) for one in fire)
    assert (behind & free).sum() == behind.sum() < free.sum()
    blurred = region(scene | {"camera": "blurred"}, "held", seed=3)
    assert (blurred & region(scene, "held", seed=3)).sum() < blurred.sum() < 0.15 * blurred.size
    with pytest.raises(ValueError, match="no attribute 'hled'"):
        region(scene, "hled", seed=3)


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_paired_contents_differ_in_one_attribute(attribute):
    scenes = paired_scenes(200, attribute, rng=np.random.default_rng(1))
    first, second = (scenes[side::2].reset_index(drop=True) for side in (0, 1))
    assert scenes["pair_id"].nunique() == 200
    pd.testing.assert_series_equal(first["pair_id"], second["pair_id"])
    assert (first[attribute] != second[attribute]).all()
    assert set(scenes[attribute]) == {value for value, _ in ATTRIBUTES[attribute]}
    dependent = {attribute, "figure_tone", "held"} if attribute == "subject" else {attribute}
    rest = [name for name in scenes if name not in dependent]
    pd.testing.assert_frame_equal(first[rest], second[rest])
    shown = scenes["subject"] == "person"
    assert scenes.loc[shown, ["figure_tone", "held"]].notna().all(axis=None)
    assert scenes.loc[~shown, ["figure_tone", "held"]].isna().all(axis=None)


def test_the_two_values_can_be_given():
    scenes = paired_scenes(3, "held", rng=np.random.default_rng(0), values=("knife", "gift"))
    assert scenes["held"].tolist() == ["knife", "gift"] * 3


@pytest.mark.parametrize(
    ("attribute", "values", "message"),
    [
        ("hled", None, "no attribute 'hled'"),
        ("held", ("knife", "gun"), "no value 'gun'"),
        ("held", ("knife", "knife"), "two different values of held, not knife, knife"),
        ("held", ("knife",), "two different values"),
    ],
)
def test_pairs_that_cannot_be_are_refused(attribute, values, message):
    with pytest.raises(ValueError, match=message):
        paired_scenes(3, attribute, rng=np.random.default_rng(0), values=values)


def test_written_pairs_are_a_manifest_with_labels_that_change_only_for_a_reason(tmp_path):
    tones = write_pairs(tmp_path / "tones", "figure_tone", pairs=40, seed=4, values=("light", "dark"), progress=False)
    again = write_pairs(tmp_path / "again", "figure_tone", pairs=40, seed=4, values=("light", "dark"), progress=False)
    pd.testing.assert_frame_equal(tones.rows, again.rows)
    pd.testing.assert_frame_equal(Manifest.load(tmp_path / "tones" / "manifest").rows, tones.rows)
    assert tones.rows["image_id"].is_unique
    assert (tones.rows.groupby("pair_id")["label"].nunique() == 1).all()
    assert set(tones.rows["split"]) == {"test"}
    held = write_pairs(tmp_path / "held", "held", pairs=40, seed=4, values=("gift", "knife"), progress=False).rows
    moved = (held.groupby("pair_id")["label"].nunique() == 2).mean()
    gift, knife = (emotion_probabilities(held[held["held"] == value]) for value in ("gift", "knife"))
    assert moved == pytest.approx(np.abs(gift - knife).sum(axis=1).mean() / 2, abs=0.3)
    assert moved > 0.4
    with pytest.raises(ValueError, match="at least one"):
        write_pairs(tmp_path / "none", "held", pairs=0, seed=4)


def test_pictures_on_disk_keep_their_seeds(tmp_path):
    manifest = write_pairs(tmp_path, "held", pairs=3, seed=4, progress=False)
    seeds = drawn_seeds(tmp_path)
    rows = manifest.rows.astype(object).where(manifest.rows.notna(), None)
    assert set(seeds) == set(rows["image_id"])
    for row, path in zip(rows.to_dict("records"), manifest.paths(), strict=True):
        assert draw(row, seed=seeds[row["image_id"]]).tobytes() == open_picture(path).tobytes()
    assert drawn_seeds(tmp_path / "pictures") == {}
    (tmp_path / SEEDS_FILE).write_text("image_id,seed\na,minus one\n")
    with pytest.raises(ValueError, match="not every seed is a number: draw the pictures again"):
        drawn_seeds(tmp_path)
