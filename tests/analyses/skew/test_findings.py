"""Is every cell's effect what a loop over pictures gives, and does every verdict come when, and only when, it should?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import Table2x2
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from affect_workbench.analyses.inference.intervals import newcombe
from affect_workbench.analyses.inference.multiplicity import select
from affect_workbench.analyses.inference.verdicts import VERDICTS, Rules
from affect_workbench.analyses.skew.findings import FINDING_COLUMNS, ORIGINS, ranked, skew_table
from affect_workbench.analyses.slices.coding import coded_attribute
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.scores import margins, scores
from affect_workbench.analyses.slices.sums import slice_sums
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from sliced_pictures import sliced

EKMAN = Taxonomy.named("ekman6")


def table_of(predictions: Predictions, *, order: int = 2, min_count: int = 10, **options) -> pd.DataFrame:
    rows = predictions.rows
    attributes = [coded_attribute(rows[name]) for name in ("tone", "light") if name in rows]
    data = sliced(predictions, attributes)
    sums = slice_sums(attributes, data.scores.columns, order=order, min_count=min_count, beside=7)
    return skew_table(sums, data, rules=Rules(min_count, **options))


def drawn(n: int, seed: int = 0, *, votes: bool = False) -> Predictions:
    """Random predictions with truth for most pictures and attributes for most."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "image_id": [f"p{number}" for number in range(n)],
            "tone": np.array(["dark", "light", None], dtype=object)[rng.choice(3, n, p=[0.3, 0.6, 0.1])],
            "light": np.array(["day", "night", "dusk", None], dtype=object)[rng.integers(4, size=n)],
        }
    )
    if votes:
        shares = rng.integers(0, 4, (n, 6)) * (rng.random((n, 1)) < 0.9)
        rows = rows.assign(**{f"vote_{label}": shares[:, at] for at, label in enumerate(EKMAN.labels)})
    else:
        rows["label"] = np.array([*EKMAN.labels, None], dtype=object)[rng.integers(7, size=n)]
    return Predictions(rng.random((n, 6)), rows, EKMAN, "score")


def read(slices: dict[str, tuple[int, int]], *, truth: dict[str, int] | None = None) -> Predictions:
    """Pictures of `tone` -> (how many are predicted as anger, how many); with `truth`, how many truly are angry."""
    rows = [
        {
            "tone": tone,
            "predicted": "anger" if at < hits else "joy",
            **({} if truth is None else {"label": "anger" if at < truth[tone] else "joy"}),
        }
        for tone, (hits, n) in slices.items()
        for at in range(n)
    ]
    table = pd.DataFrame(rows).assign(image_id=[f"p{number}" for number in range(len(rows))])
    return predictions_from_table(table, taxonomy=EKMAN)


def cell(table: pd.DataFrame, name: str = "tone: dark", emotion: str = "anger") -> pd.Series:
    return table[(table["slice"] == name) & (table["emotion"] == emotion)].iloc[0]


@pytest.mark.parametrize("votes", [False, True])
def test_every_cell_is_what_a_loop_over_pictures_gives(votes: bool) -> None:
    predictions = drawn(400, votes=votes)
    rows, truth, table = predictions.rows, predictions.truth, table_of(predictions)
    assert tuple(table.columns) == FINDING_COLUMNS
    assert truth is not None
    known = np.isfinite(truth[:, 0])
    for finding in table.itertuples():
        spec, at = SliceSpec.from_json(finding.where), EKMAN.labels.index(finding.emotion)
        inside = spec.mask(rows)
        outside = spec.universe(rows) & ~inside
        said = predictions.predicted == at
        n, m, hits, others = int(inside.sum()), int(outside.sum()), int(said[inside].sum()), int(said[outside].sum())
        assert (finding.slice, finding.n, finding.n_complement) == (spec.name, n, m)
        effect = hits / n - others / m
        composition = truth[inside & known, at].mean() - truth[outside & known, at].mean()
        shift = (said - truth[:, at])[inside & known].mean() - (said - truth[:, at])[outside & known].mean()
        np.testing.assert_allclose(
            [finding.rate, finding.complement_rate, finding.effect, finding.label_gap, finding.model_gap],
            [hits / n, others / m, effect, composition, shift],
            atol=1e-12,
        )
        interval = confint_proportions_2indep(hits, n, others, m, method="newcomb", compare="diff")
        np.testing.assert_allclose([finding.low, finding.high], interval, atol=1e-9)
        wilson = proportion_confint(hits, n, method="wilson")
        np.testing.assert_allclose([finding.rate_low, finding.rate_high], wilson, atol=1e-9)
        np.testing.assert_allclose(finding.ratio, (hits / n) / (others / m) if others else np.nan)
        odds = [(hits + 0.5, n - hits + 0.5), (others + 0.5, m - others + 0.5)]
        np.testing.assert_allclose(finding.log_odds, Table2x2(odds).log_oddsratio)
        np.testing.assert_allclose(finding.p, stats.fisher_exact([[hits, n - hits], [others, m - others]]).pvalue, rtol=1e-6)
        expected = min(n, m) * (hits + others) / (n + m)
        assert finding.low_evidence == (min(n, m) < 30 or expected < 5)
    p = table.pivot(index="slice", columns="emotion", values="p")
    families = np.array([int(" and " in name) for name in p.index])
    q = pd.DataFrame(select(p.to_numpy(), families).q, index=p.index, columns=p.columns)
    np.testing.assert_allclose(table["q"], [q.loc[row.slice, row.emotion] for row in table.itertuples()])


def test_pictures_without_a_value_are_neither_in_the_slice_nor_in_the_complement() -> None:
    finding = cell(table_of(read({"dark": (30, 60), "light": (10, 100), "": (500, 500)})), "tone: dark")
    assert finding["n_complement"] == 600  # an empty text is a value
    predictions = read({"dark": (30, 60), "light": (10, 100), "?": (500, 500)})
    rows = predictions.rows.assign(tone=predictions.rows["tone"].replace("?", None))
    finding = cell(table_of(predictions.with_rows(rows)))
    assert (finding["n"], finding["n_complement"], finding["complement_rate"]) == (60, 100, 0.1)


@pytest.mark.parametrize(
    ("slices", "verdict"),
    [
        pytest.param({"dark": (120, 300), "light": (100, 1_000)}, "skewed", id="clearly more often"),
        pytest.param({"dark": (3, 300), "light": (300, 1_000)}, "skewed", id="clearly less often"),
        pytest.param({"dark": (1_250, 10_000), "light": (1_250, 10_000)}, "equivalent", id="the same, many pictures"),
        pytest.param({"dark": (1_450, 10_000), "light": (1_250, 10_000)}, "undetermined", id="the band is touched"),
        pytest.param({"dark": (14_000, 100_000), "light": (13_000, 100_000)}, "equivalent", id="significant but tiny"),
        pytest.param({"dark": (20, 100), "light": (125, 1_000)}, "undetermined", id="not enough to tell"),
        pytest.param({"dark": (4, 20), "light": (125, 1_000)}, "too small", id="low evidence"),
        pytest.param({"dark": (20, 20), "light": (5, 1_000)}, "skewed", id="low evidence, yet beyond doubt"),
        pytest.param({"dark": (9, 9), "light": (0, 1_000)}, "too small", id="fewer than ten in the slice"),
        pytest.param({"dark": (0, 1_000), "light": (9, 9)}, "too small", id="fewer than ten in the complement"),
    ],
)
def test_verdicts(slices: dict[str, tuple[int, int]], verdict: str) -> None:
    finding = cell(table_of(read(slices)))
    assert finding["verdict"] == verdict
    assert (finding["effect"] > 0) == (
        slices["dark"][0] / slices["dark"][1] > slices["light"][0] / slices["light"][1]
    ) or np.isnan(finding["effect"])


def test_a_verdict_depends_on_the_tolerance_and_on_the_false_discovery_rate() -> None:
    predictions = read({"dark": (220, 1_000), "light": (1_500, 10_000)})
    assert cell(table_of(predictions))["verdict"] == "skewed"
    assert cell(table_of(predictions, tolerance=0.06))["verdict"] == "undetermined"
    assert cell(table_of(predictions, tolerance=0.2))["verdict"] == "equivalent"
    assert cell(table_of(predictions, alpha=1e-12))["verdict"] == "undetermined"


def test_the_interval_of_a_picked_cell_allows_for_all_slices_its_slice_was_picked_from() -> None:
    seen = {"dark": (120, 300), "light": (180, 1_000), "pale": (74, 400), "red": (55, 300), "blue": (60, 310)}
    table = table_of(read(seen))
    picked = (table["q"] <= 0.05).to_numpy()
    slices = table.loc[picked, "slice"].nunique()
    assert 0 < slices < 5
    assert table.loc[~picked, ["adjusted_low", "adjusted_high"]].isna().all(axis=None)
    level = 1 - 0.05 * slices / 5
    kept = table[picked]
    hits, others = kept["rate"] * kept["n"], kept["complement_rate"] * kept["n_complement"]
    low, high = newcombe(hits, kept["n"], others, kept["n_complement"], level=level)
    np.testing.assert_allclose(kept[["adjusted_low", "adjusted_high"]], np.transpose([low, high]))
    assert (kept["adjusted_low"] < kept["low"]).all()
    assert (kept["adjusted_high"] > kept["high"]).all()
    clear = np.maximum(kept["adjusted_low"], -kept["adjusted_high"]) > 0.02
    np.testing.assert_array_equal(kept["verdict"] == "skewed", clear)


def test_of_a_handful_of_pictures_nothing_is_estimated_or_tested() -> None:
    finding = cell(table_of(read({"dark": (9, 9), "light": (0, 1_000)}, truth={"dark": 9, "light": 0})))
    assert finding["n"] == 9
    empty = [
        "rate",
        "complement_rate",
        "effect",
        "low",
        "high",
        "p",
        "q",
        "label_gap",
        "label_gap_low",
        "model_gap",
        "model_gap_high",
    ]
    assert finding[empty].isna().all()
    assert finding["detectable"] > 0


def test_the_smallest_detectable_effect_is_that_around_the_rate_of_all_pictures_and_half_a_reading_more() -> None:
    finding = cell(table_of(read({"dark": (1, 20), "light": (2, 40)})))
    rate = 3.5 / 61
    deviations = stats.norm.isf(0.025) + stats.norm.ppf(0.8)
    assert finding["detectable"] == pytest.approx(deviations * np.sqrt(rate * (1 - rate) * (1 / 20 + 1 / 40)), rel=1e-12)


def test_untested_cells_are_not_counted_in_the_correction() -> None:
    few = {"dark": (30, 60), "light": (100, 400)}
    alone, beside = table_of(read(few)), table_of(read({**few, "none": (9, 9)}))
    assert beside["p"].notna().sum() == alone["p"].notna().sum()


@pytest.mark.parametrize("votes", [False, True])
def test_composition_and_shift_add_up_to_the_effect_where_all_have_a_truth(votes: bool) -> None:
    predictions = drawn(300, seed=1, votes=votes)
    assert predictions.truth is not None
    table = table_of(predictions.take(np.isfinite(predictions.truth[:, 0])))
    tested = table["effect"].notna()
    assert tested.sum() > 50
    np.testing.assert_allclose((table["label_gap"] + table["model_gap"])[tested], table["effect"][tested], atol=1e-12)
    for name in ("label_gap", "model_gap"):
        assert (table[f"{name}_low"] <= table[name])[tested].all()
        assert (table[name] <= table[f"{name}_high"])[tested].all()


@pytest.mark.parametrize(
    ("truth", "attribution"),
    [
        ({"dark": 60, "light": 100}, "model"),
        ({"dark": 240, "light": 100}, "labels"),
        ({"dark": 150, "light": 100}, "both"),
        (None, None),
    ],
)
def test_a_skew_is_traced_to_the_model_the_labels_or_both(truth: dict[str, int] | None, attribution: str | None) -> None:
    table = table_of(read({"dark": (240, 600), "light": (100, 1_000)}, truth=truth))
    finding = cell(table)
    assert finding["verdict"] == "skewed"
    assert (finding["attribution"] if isinstance(finding["attribution"], str) else None) == attribution
    assert set(table["attribution"].dropna()) <= set(ORIGINS)
    assert table.loc[table["verdict"] != "skewed", "attribution"].isna().all()


def test_the_origin_of_a_skew_with_little_truth_is_unclear() -> None:
    predictions = read({"dark": (240, 600), "light": (100, 1_000)}, truth={"dark": 100, "light": 100})
    labels = predictions.rows["label"].where(np.arange(1_600) % 200 == 0, None)
    finding = cell(table_of(predictions.with_rows(predictions.rows.assign(label=labels))))
    assert (finding["verdict"], finding["attribution"]) == ("skewed", "unclear")


def test_an_intersection_that_repeats_its_parent_says_so() -> None:
    rng = np.random.default_rng(0)
    n = 1_500
    tone, light = np.where(rng.random(n) < 0.3, "dark", "pale"), np.where(rng.random(n) < 0.5, "day", "night")
    angry = rng.random(n) < np.where(tone == "dark", 0.4, 0.1)
    rows = pd.DataFrame(
        {"image_id": [f"p{i}" for i in range(n)], "tone": tone, "light": light, "predicted": np.where(angry, "anger", "joy")}
    )
    table = table_of(predictions_from_table(rows, taxonomy=EKMAN))
    for light_value in ("day", "night"):
        assert cell(table, f"tone: dark and light: {light_value}")["explained_by"] == "tone: dark"
    assert not isinstance(cell(table, "tone: dark")["explained_by"], str)
    assert table.loc[table["verdict"] != "skewed", "explained_by"].isna().all()


def test_where_there_is_nothing_hardly_any_audit_finds_anything() -> None:
    """60 sets of random predictions with about 66 tests each: at most one in twenty may hold a q of 0.05, 3 are expected."""
    found = [(table_of(drawn(600, seed=seed))["q"] <= 0.05).any() for seed in range(60)]
    assert sum(found) <= 6


def test_findings_are_ranked_by_verdict_ground_width_and_what_is_safely_reached() -> None:
    table = table_of(drawn(800, seed=3))
    order = [VERDICTS.index(verdict) for verdict in table["verdict"]]
    assert order == sorted(order)
    reached = np.maximum(np.maximum(table["low"], -table["high"]), 0).fillna(0)
    own = np.maximum(np.maximum(table["model_gap_low"], -table["model_gap_high"]), 0).fillna(0)
    reached = reached.where(table["attribution"] != "model", np.minimum(reached, own))
    grounded = table["attribution"].isin(["both", "unclear", "labels"])
    conditions = table["where"].map(len)
    for verdict in VERDICTS:
        inside = table["verdict"] == verdict
        assert grounded[inside].is_monotonic_increasing
        for ground in (False, True):
            assert conditions[inside & (grounded == ground)].is_monotonic_increasing
            for width in (1, 2):
                assert (np.diff(reached[inside & (grounded == ground) & (conditions == width)]) <= 1e-12).all()
    shuffled = table.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(ranked(shuffled.reset_index(drop=True)), table)


def test_no_label_said_or_true_is_still_a_row() -> None:
    table = table_of(read({"dark": (30, 60), "light": (100, 400)}))
    assert sorted(table.loc[table["slice"] == "tone: dark", "emotion"]) == sorted(EKMAN.labels)
    assert cell(table, emotion="fear")[["rate", "effect", "p"]].tolist() == [0, 0, 1]


def test_scores_count_what_their_names_say() -> None:
    predictions = drawn(50, votes=True)
    per_picture, truth = scores(predictions), predictions.truth
    assert truth is not None
    known = np.isfinite(truth[:, 0])

    def part(kind: str) -> np.ndarray:
        return per_picture.of(kind)

    np.testing.assert_array_equal(part("one"), np.ones((50, 1)))
    np.testing.assert_array_equal(part("said").argmax(axis=1), predictions.predicted)
    np.testing.assert_array_equal(part("labelled")[:, 0], known)
    np.testing.assert_allclose(part("hit")[known, 0], truth[known, predictions.predicted[known]])
    np.testing.assert_allclose(part("model_gap")[known], part("said")[known] - truth[known])
    assert (part("votes")[~known] == 0).all()
    for kind in ("votes", "model_gap", "distance", "margin"):
        np.testing.assert_allclose(part(f"{kind}2"), part(kind) ** 2)
    assert "distance" not in scores(read({"dark": (1, 2)}))
    assert "votes" not in scores(read({"dark": (1, 2)}))


def test_the_margin_is_second_nearest_minus_nearest() -> None:
    assert margins(np.array([[0.5, 0.2, 0.9], [0.3, 0.3, 0.4]])).tolist() == pytest.approx([0.3, 0.0])


@pytest.mark.parametrize("truth", ["labels", "votes", "none"])
def test_scores_are_what_is_written_out_for_every_picture(truth: str) -> None:
    rng = np.random.default_rng(1)
    labels = Taxonomy.named("ekman6").labels
    rows = pd.DataFrame({"image_id": np.arange(60).astype(str)})
    if truth == "labels":
        rows["label"] = np.where(rng.random(60) < 0.2, None, rng.choice(labels, 60))
    if truth == "votes":
        rows[[f"vote_{label}" for label in labels]] = np.where(rng.random((60, 1)) < 0.2, np.nan, rng.random((60, 6)))
    predictions = Predictions(rng.random((60, 6)), rows, Taxonomy.named("ekman6"))
    found = scores(predictions)
    for picture in range(60):
        said = np.eye(6)[predictions.distances[picture].argmin()]
        expected = {"one": [1.0], "said": said, "distance": predictions.distances[picture]}
        if truth != "none":
            votes = predictions.truth[picture]
            known = np.isfinite(votes).all()
            votes = votes if known else np.zeros(6)
            shift = said - votes if known else np.zeros(6)
            expected |= {
                "labelled": [float(known)],
                "votes": votes,
                "votes2": votes**2,
                "model_gap": shift,
                "model_gap2": shift**2,
                "hit": [said @ votes],
            }
        for kind, values in expected.items():
            np.testing.assert_allclose(found.of(kind)[picture], values, atol=1e-12)
    assert ("votes" in found) == (truth != "none")
