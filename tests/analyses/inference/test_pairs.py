"""Do pairs say what statistics of paired data say, and only of what differs within them?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import SquareTable
from statsmodels.stats.contingency_tables import mcnemar as of_statsmodels

from affect_workbench.analyses.audit.pair_notes import pair_exclusions, pair_notes, pairing_of
from affect_workbench.analyses.inference.pairs.cells import PairedCells, PairedShift
from affect_workbench.analyses.inference.pairs.pairing import Pairing
from affect_workbench.analyses.inference.pairs.rates import stuart_maxwell, tango
from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attribute
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.pairs import crossing, group_codes, outermost, pair_codes
from affect_workbench.analyses.slices.sliced import SlicedRows


def paired(values: list[str] | np.ndarray, **columns: object) -> tuple[Pairing, tuple[SliceSpec, ...]]:
    """The pairing of pictures with these values of one attribute."""
    rows = pd.DataFrame({"camera": values, **columns})
    attribute = coded_attribute(rows["camera"])
    specs = tuple(SliceSpec((condition,)) for condition in attribute.conditions)
    found = pairing_of(specs, SlicedRows(rows, (attribute,)), min_count=10)
    assert found is not None
    return found, specs


def counted(up: int, down: int, both: int, neither: int) -> tuple[Pairing, np.ndarray]:
    """Pairs of pictures "a" and "b" of which the one counts, the other, both, neither."""
    sides = [(1.0, 0.0)] * up + [(0.0, 1.0)] * down + [(1.0, 1.0)] * both + [(0.0, 0.0)] * neither
    pairing, _ = paired(["a", "b"] * len(sides), pair_id=np.repeat(np.arange(len(sides)), 2))
    return pairing, np.array(sides).reshape(-1, 1)


def slow_tango(up: int, down: int, n: int, level: float) -> tuple[float, float]:
    """All differences that the score test does not reject, the nuisance parameter found by maximising the likelihood."""

    def score(difference: float) -> float:
        # Cells: up alone q + d, down alone q, rest 1 - 2 q - d.
        low, high = max(0.0, -difference), (1 - difference) / 2

        def unlikely(q: float) -> float:
            shares = np.array([q + difference, q, 1 - 2 * q - difference]).clip(1e-300)
            return -float(np.array([up, down, n - up - down]) @ np.log(shares))

        q = optimize.minimize_scalar(unlikely, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
        return (up - down - n * difference) / np.sqrt(n * (2 * q + difference * (1 - difference)))

    limit = stats.norm.ppf((1 + level) / 2)
    seen = (up - down) / n
    return tuple(
        optimize.brentq(lambda d, sign=sign: sign * score(d) - limit, seen + 1e-9 * (-sign), -sign * (1 - 1e-9))
        for sign in (1, -1)
    )  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("up", "down", "n", "level"), [(0, 40, 400, 0.95), (3, 9, 50, 0.95), (7, 7, 30, 0.99), (1, 0, 12, 0.9)]
)
def test_tangos_interval_is_what_inverting_the_score_test_gives(up, down, n, level):
    low, high = tango(*(np.array([float(count)]) for count in (up, down, n)), level=level)
    assert (low[0], high[0]) == pytest.approx(slow_tango(up, down, n, level), abs=2e-5)


def test_tangos_interval_has_a_width_where_no_pair_differs_and_swaps_its_ends_with_the_sides():
    nothing = tango(np.array([0.0]), np.array([0.0]), np.array([50.0]))
    z2 = stats.norm.ppf(0.975) ** 2
    assert nothing[1][0] == pytest.approx(z2 / (50 + z2)) == -nothing[0][0]
    low, high = tango(np.array([3.0, 11.0]), np.array([11.0, 3.0]), np.array([60.0, 60.0]))
    assert low[0] == pytest.approx(-high[1])
    assert np.isnan(tango(np.array([0.0]), np.array([0.0]), np.array([0.0]))[0][0])
    wider = tango(np.array([3.0]), np.array([11.0]), np.array([60.0]), freedom=5.0)
    assert wider[0][0] < low[0]


@given(st.integers(0, 12), st.integers(0, 12), st.integers(5, 12), st.integers(5, 12))
def test_of_independent_pairs_p_is_mcnemars_and_the_interval_tangos(up, down, both, neither):
    pairing, values = counted(up, down, both, neither)
    n = up + down + both + neither
    cells = PairedCells(pairing.used, pairing.contrast(values.reshape(-1, 1)))
    expected = of_statsmodels([[both, up], [down, neither]], exact=True).pvalue
    assert cells.p[0, 0] == pytest.approx(min(expected, 1))
    low, high = tango(*(np.array([float(count)]) for count in (up, down, n)))
    assert (cells.interval()[0][0, 0], cells.interval()[1][0, 0]) == pytest.approx((low[0], high[0]))
    # The other value is the other side.
    assert cells.interval()[0][1, 0] == pytest.approx(-high[0])
    assert cells.seen.effect[0, 0] == pytest.approx((up - down) / n) == -cells.seen.effect[1, 0]


def test_all_emotions_at_once_are_stuart_and_maxwells_test():
    rng = np.random.default_rng(2)
    table = rng.integers(0, 12, size=(4, 4))
    one, two = np.repeat(np.indices((4, 4)).reshape(2, -1), table.ravel(), axis=1)
    said = np.eye(4)[np.stack([one, two], axis=1).ravel()]
    pairing, _ = paired(["a", "b"] * len(one), pair_id=np.repeat(np.arange(len(one)), 2))
    statistic, freedom, p = stuart_maxwell(*pairing.products(said))
    expected = SquareTable(table, shift_zeros=False).homogeneity(method="stuart_maxwell")
    assert (statistic[0], freedom[0], p[0]) == pytest.approx((expected.statistic, 3, expected.pvalue))
    assert np.isnan(stuart_maxwell(np.zeros((1, 3)), np.zeros((1, 3, 3)))[2][0])


def test_pairs_in_groups_have_the_bell_mccaffrey_variance_of_their_mean_difference():
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(12), rng.integers(1, 9, size=12))
    n = len(group)
    values = rng.normal(size=(2 * n, 2))
    pairing, _ = paired(["a", "b"] * n, pair_id=np.repeat(np.arange(n), 2), group_id=np.repeat(group, 2))
    seen = pairing.contrast(values)
    difference = values[::2] - values[1::2]
    # The n x n form: residual maker, adjustment of each group, Satterthwaite under independence.
    maker, rows = np.eye(n) - 1 / n, []
    robust = np.zeros(2)
    for one in range(12):
        own = np.flatnonzero(group == one)
        inside = maker[np.ix_(own, own)]
        vectors = np.linalg.eigh(inside)
        root = vectors[1] @ np.diag(vectors[0].clip(1e-15) ** -0.5) @ vectors[1].T
        rows.append(np.ones(len(own)) @ root @ maker[own] / n)
        robust += (np.ones(len(own)) @ root @ (maker @ difference)[own] / n) ** 2
    gram = np.stack(rows) @ np.stack(rows).T
    np.testing.assert_allclose(seen.variance[0], robust)
    np.testing.assert_allclose(seen.freedom[0, 0], np.trace(gram) ** 2 / (gram**2).sum())
    assert seen.groups[0, 0] == 12


def test_three_pictures_are_one_comparison_of_one_with_the_mean_of_the_others():
    values = np.array([1.0, 0, 0, 0, 1, 1] * 10).reshape(-1, 1)
    pairing, specs = paired(["a", "b", "c"] * 20, pair_id=np.repeat(np.arange(20), 3))
    seen = pairing.contrast(values)
    assert [spec.name for spec in specs] == ["camera: a", "camera: b", "camera: c"]
    np.testing.assert_allclose(seen.effect[:, 0], [0.5 - 0.5, 0.5 - 0.5, 0.5 - 0.5])
    np.testing.assert_allclose(seen.squares[:, 0], [20 * 1.0, 20 * 0.25, 20 * 0.25])
    assert (seen.n[0, 0], seen.m[0, 0], seen.pairs[0, 0]) == (20, 40, 20)
    assert not PairedCells(pairing.used, seen).exact.any()


def test_several_pictures_on_a_side_count_as_their_mean():
    pairing, _ = paired(["a", "a", "b"] * 15, pair_id=np.repeat(np.arange(15), 3))
    seen = pairing.contrast(np.array([1.0, 0, 1] * 15).reshape(-1, 1))
    assert (seen.inside[0, 0], seen.outside[0, 0], seen.effect[0, 0]) == pytest.approx((0.5, 1, -0.5))


def test_a_picture_without_partner_or_truth_is_in_no_pair():
    pair = np.repeat(np.arange(30), 2).astype(float)
    pair[:4] = [np.nan, np.nan, 99, 98]
    pairing, _ = paired(["a", "b"] * 30, pair_id=pair)
    assert pairing.pairs.tolist() == [28, 28]
    known = np.ones(60, dtype=bool)
    known[10] = False
    assert pairing.contrast(np.ones((60, 1)), known=known).pairs[0, 0] == 27


def test_few_pairs_and_an_oversight_in_a_few_are_no_design():
    few = ["a", "b"] * 9 + ["a", "a"] * 20 + ["b", "b"] * 20
    assert not paired(few, pair_id=np.repeat(np.arange(49), 2))[0].used.any()
    oversight = ["a", "b"] * 12 + ["a", "a"] * 200 + ["b", "b"] * 200
    assert not paired(oversight, pair_id=np.repeat(np.arange(412), 2))[0].designed
    assert paired(["a", "b"] * 12 + ["a", "a"] * 20, pair_id=np.repeat(np.arange(32), 2))[0].used.all()


def test_the_wider_of_pair_and_group_is_what_hangs_together():
    pairs = np.array([0, 0, 1, 1, 2, 2, -1])
    inside = np.array([5, 5, 5, 5, 6, 6, 7])
    np.testing.assert_array_equal(outermost(pairs, inside), [0, 0, 0, 0, 1, 1, 2])
    finer = np.array([0, 1, 2, 2, 3, 4, 5])
    np.testing.assert_array_equal(outermost(pairs, finer), [0, 0, 1, 1, 2, 2, 3])
    assert crossing(pairs, inside) == crossing(pairs, finer) == 0
    assert crossing(pairs, np.array([0, 1, 1, 2, 3, 3, 4])) == 2
    rows = pd.DataFrame({"pair_id": [1, 1, None, 2], "group_id": ["x", "y", "y", "z"]})
    np.testing.assert_array_equal(group_codes(rows), [0, 0, 0, 1])
    assert pair_codes(rows.assign(pair_id=[1, 2, 3, None])) is None


def test_pairs_and_groups_that_cross_everywhere_are_refused_in_words():
    rows = pd.DataFrame(
        {"camera": ["a", "b"] * 40, "pair_id": np.repeat(np.arange(40), 2), "group_id": np.tile(["u", "v", "w", "x"], 20)}
    )
    attribute = coded_attribute(rows["camera"])
    specs = tuple(SliceSpec((condition,)) for condition in attribute.conditions)
    with pytest.raises(ValueError, match=r"40 pairs \(pair_id\) hold pictures of several groups .* only 2 part"):
        pairing_of(specs, SlicedRows(rows, (attribute,)), min_count=10)


def test_an_intersection_is_compared_in_pairs_with_one_picture_in_it():
    rows = pd.DataFrame(
        {"camera": ["a", "b"] * 40, "tone": np.repeat(["dark", "light"], 40), "pair_id": np.repeat(np.arange(40), 2)}
    )
    attributes = [coded_attribute(rows[name]) for name in ("camera", "tone")]
    spec = SliceSpec((attributes[0].conditions[0], attributes[1].conditions[0]))
    tone = SliceSpec((attributes[1].conditions[0],))
    found = pairing_of((spec, tone), SlicedRows(rows, tuple(attributes)), min_count=10)
    assert found is not None
    assert (found.used.tolist(), found.pairs.tolist(), found.mixed.tolist()) == ([True, False], [20, 0], [0, 0])
    also = found_with_brightness(rows, attributes, spec)
    assert also.mixed.tolist() == [5]


def found_with_brightness(rows: pd.DataFrame, attributes: list[CodedAttribute], spec: SliceSpec) -> Pairing:
    bright = coded_attribute(rows.assign(bright=["x", "y"] * 5 + ["x"] * 70)["bright"])
    found = pairing_of((spec,), SlicedRows(rows, (*attributes, bright)), min_count=10)
    assert found is not None
    return found


@pytest.mark.parametrize(("groups", "each"), [(0, 2), (25, 2), (0, 3)])
def test_without_a_difference_p_and_intervals_keep_their_promise(groups, each):
    rng = np.random.default_rng(4)
    n, sets, k = 150, 120, 4
    value = np.tile(["a", "b", "c"][:each], n)
    columns = {"pair_id": np.repeat(np.arange(n), each)}
    columns |= {"group_id": columns["pair_id"] % groups} if groups else {}
    pairing, _ = paired(value, **columns)
    rejected, held, shifted = [], [], []
    for _ in range(sets):
        taste = 1.5 * rng.normal(size=(n, 1, k)) + np.log([0.1, 0.2, 0.3, 0.4])
        if groups:
            taste = taste + rng.normal(size=(groups, each, k))[np.arange(n) % groups]
        said = (taste + rng.gumbel(size=(n, each, k))).argmax(axis=2).ravel()
        cells = PairedCells(pairing.used, pairing.contrast(np.eye(k)[said]))
        low, high = cells.interval()
        rejected.append((cells.p[0] <= 0.05).mean())
        held.append(((low[0] <= 0) & (high[0] >= 0)).mean())
        low, high = PairedShift(cells.seen).interval()
        shifted.append(((low[0] <= 0) & (high[0] >= 0)).mean())
    assert np.mean(rejected) < 0.06
    assert 0.935 < np.mean(held) < 0.985
    assert 0.935 < np.mean(shifted) < 0.985


def test_ids_on_one_side_are_counted_and_named_and_triples_are_not_called_pairs_unexplained():
    """100 ids of three pictures; the first 27 are all taken with one camera, and say nothing about it."""
    ids = np.repeat([f"scene {number}" for number in range(100)], 3)
    camera = np.where((np.arange(300) % 3 == 0) & (np.arange(300) >= 81), "noisy", "clean")
    pairing, specs = paired(camera, pair_id=ids)
    rows = pd.DataFrame({"camera": camera, "pair_id": ids})
    notes = pair_notes(rows, pairing, min_count=30)
    assert (
        "27 of 100 pairs (pair_id) do not differ in camera: their 81 pictures are not used in its comparison, first "
        "'scene 0'"
    ) in notes
    assert any(note.startswith("pair_id holds up to 3 pictures: ") for note in notes)
    left = pair_exclusions(pairing, SlicedRows(rows, (coded_attribute(rows["camera"]),)), specs=specs, min_count=30)
    assert ("pictures", "of pairs with equal camera", 81, "27 pairs, not used in comparisons in pairs of camera") in left


def test_of_two_pictures_an_id_that_all_differ_nothing_more_is_said():
    rows = pd.DataFrame({"camera": ["clean", "noisy"] * 60, "pair_id": np.repeat(np.arange(60), 2)})
    pairing, _ = paired(rows["camera"].to_numpy(), pair_id=rows["pair_id"])
    assert not [note for note in pair_notes(rows, pairing, min_count=30) if "do not differ" in note or "holds up" in note]
