"""Does report and app say of the space what its tables hold, in words that do not claim more, and draw it legibly?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.space.erasure.erasure_test import NOT_SHOWN, RUNS_THROUGH
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.report.html import report_html
from affect_workbench.workbench.report.space import figures as space_figures
from affect_workbench.workbench.report.space import sentences as space_sentences
from affect_workbench.workbench.report.space.section import section_figures, shown_tables, space_section
from affect_workbench.workbench.runs.store import load_audit, save_audit
from workbench_runs import audited, predictions_table, refusal, succeeded

EKMAN = Taxonomy.named("ekman6")


def predictions(*, labelled: bool = True, bias: float = 0.5, n: int = 800) -> Predictions:
    """Pictures near one of six labels; dark ones lie toward anger."""
    rng = np.random.default_rng(0)
    anchors, y = np.eye(6, 20), rng.integers(6, size=n)
    dark = rng.integers(2, size=n)
    x = anchors[y] + 0.4 * rng.normal(size=(n, 20)) + bias * dark[:, None] * (anchors[0] - anchors.mean(axis=0))
    x[:, 10] += 0.6 * dark
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    rows = pd.DataFrame({"image_id": [f"p{at}" for at in range(n)], "figure_tone": np.array(["light", "dark"])[dark]})
    rows["<b>weather</b>"] = np.array(["<i>", "rain"])[rng.integers(2, size=n)]
    if labelled:
        rows["label"] = np.array(EKMAN.labels)[y]
    return Predictions(1 - x @ anchors.T, rows, EKMAN, embeddings=x.astype(np.float32), anchors=anchors)


@pytest.fixture(scope="module")
def result() -> AuditResult:
    return run_audit(predictions(), AuditConfig(map_pictures=14, space_pictures=500, order=1, further=False))


def with_tables(result: AuditResult, **tables: pd.DataFrame) -> AuditResult:
    return replace(result, tables={**result.tables, **tables})


def test_the_section_says_association_is_no_bias_first_and_then_what_erasing_showed(result) -> None:
    section = space_section(result)
    assert section is not None
    assert "not a bias" in section.warning
    assert section.sample == "Slow analyses used a random sample of 500 of 800 pictures."
    assert "figure tone: dark toward anger" in (section.pull or "")
    (tone,) = [sentence for sentence in section.erasures if sentence.startswith("With figure tone erased within labels")]
    cells = result.tables["space_erasure"].set_index(["slice", "emotion"])
    row = cells.loc[("figure tone: dark", "anger")]
    assert row["verdict"] == RUNS_THROUGH
    assert f"from +{100 * row['before']:.1f} to" in tone
    assert (
        f"; {100 * min(row['reduction'] / row['before'], 1):.1f} % of it runs through the linear attribute direction" in tone
    )
    prices = result.tables["space_collateral"]
    shown = section.tables["Attributes: the cost of erasing"]
    assert list(shown["attribute"]) == [name.replace("_", " ") for name in prices["attribute"]]
    assert list(shown["predictions changed"]) == [f"{100 * share:.1f} %" for share in prices["flips"]]
    assert any("associated beyond chance" in sentence for sentence in section.decodability)
    assert any("figure tone (" in sentence for sentence in section.decodability)


def test_nothing_is_claimed_where_random_directions_do_as_much(result) -> None:
    cells = result.tables["space_erasure"].assign(verdict=NOT_SHOWN, p=0.4)
    said = space_sentences.erasure_sentences(with_tables(result, space_erasure=cells))
    assert all("random directions remove as much (p = 0.40)" in sentence for sentence in said)
    quiet = result.tables["space_pull"].assign(q_within=0.9)
    assert "no slice is pulled" in (space_sentences.pull_sentence(with_tables(result, space_pull=quiet)) or "")
    chance = result.tables["space_encoding"].assign(selectivity_low=-0.1)
    assert "None of 2 attributes" in (space_sentences.encoding_sentence(with_tables(result, space_encoding=chance)) or "")
    far = result.tables["space_association"].assign(q=0.9)
    assert (space_sentences.association_sentence(with_tables(result, space_association=far)) or "").startswith("None of 24")
    same = result.tables["space_shift"].assign(p_flips=0.9)
    assert "changes no more predictions" in (space_sentences.shift_sentence(with_tables(result, space_shift=same)) or "")


@pytest.mark.parametrize(
    ("r", "p", "words"), [(0.8, 0.01, "lie close together"), (-0.8, 0.01, "lie apart"), (0.8, 0.3, "no relation is shown")]
)
def test_alignment_is_said_in_its_direction(result, r: float, p: float, words: str) -> None:
    table = result.tables["space_alignment"].assign(r=r, p=p)
    said = " ".join(space_sentences.label_sentences(with_tables(result, space_alignment=table)))
    assert words in said
    assert "r = -" not in said  # a minus sign, not a hyphen


def test_every_figure_is_drawn_and_says_what_is_in_the_tables(result) -> None:
    drawn = section_figures(result)
    assert set(drawn) == {"within-pull", "erasure", "hubs", "plane"}
    erasure = space_sentences.leading_erasures(result)
    assert len(erasure)
    assert not erasure.duplicated(["attribute", "emotion", "size"]).any()
    assert erasure["size"].is_monotonic_decreasing
    text = drawn["within-pull"].data[0].text
    sure = result.tables["space_pull"]["q_within"] <= 0.05
    assert int((np.asarray(text) != "").sum()) == int(sure.sum())
    stars = drawn["plane"].data[-1]
    np.testing.assert_allclose(np.sort(stars.x), np.sort(result.tables["space_plane_labels"]["x"]))
    assert "<i>" not in str(drawn["within-pull"].layout.yaxis.ticktext)


def test_names_of_labels_that_lie_close_keep_clear_of_each_other() -> None:
    labels = pd.DataFrame({"label": ["fear", "disgust", "joy"], "x": [0.0, 0.01, 1.0], "y": [0.0, 0.01, 1.0]})
    pictures = pd.DataFrame({"x": [-1.0, 1.0], "y": [-1.0, 1.0]})
    (first, second, _) = space_figures._free_places(labels, pictures)
    assert np.linalg.norm(np.subtract(first, second)) > 18


def test_the_report_has_the_section_and_everything_in_it_is_escaped(result) -> None:
    page = report_html(result)
    for name in ("within-pull", "erasure", "hubs", "plane"):
        assert f'id="{name}"' in page
    assert '<section id="space">' in page
    assert "<b>weather</b>" not in page
    assert len(page.encode()) < 6_000_000


def test_a_run_that_kept_no_such_tables_has_no_such_section(result) -> None:
    bare = replace(result, tables={})
    assert space_section(bare) is None
    assert section_figures(bare) == {}
    assert '<section id="space">' not in report_html(bare)
    named = audited(predictions_table(120, scores=False))
    assert space_section(named) is None


def test_scores_without_vectors_have_the_part_that_needs_none() -> None:
    scored = audited(predictions_table(300, bias=0.9))
    section = space_section(scored)
    assert section is not None
    assert section.erasures == ()
    assert section.plane is None
    assert list(section_figures(scored)) == ["within-pull", "hubs"]
    assert list(shown_tables(scored)) == ["Slices: prediction margin and separation"]


def test_without_labels_nothing_is_held_fixed() -> None:
    bare = run_audit(predictions(labelled=False), AuditConfig(map_pictures=0, space_pictures=300, order=1, further=False))
    section = space_section(bare)
    assert section is not None
    assert section.pull is None
    assert any("With figure tone erased, the skew" in sentence for sentence in section.erasures)
    assert "within-pull" not in section_figures(bare)


def test_the_tables_come_back_from_the_run_folder(result, tmp_path) -> None:
    save_audit(result, tmp_path / "run")
    again = load_audit(tmp_path / "run")
    for name, table in result.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table, check_dtype=False)
    one, other = space_section(again), space_section(result)
    assert one is not None
    assert other is not None
    assert replace(one, tables={}) == replace(other, tables={})
    for caption, shown in other.tables.items():
        pd.testing.assert_frame_equal(one.tables[caption], shown, check_dtype=False)


def test_labels_can_be_asked_for_in_other_words(planted, planted_probe, tmp_path) -> None:
    from affect_workbench.data.storage.atomic import atomic_folder
    from affect_workbench.probes.checkpoint import save_probe

    planted.where(split="test").save(tmp_path / "features")
    with atomic_folder(tmp_path / "probe") as partial:
        save_probe(planted_probe, partial)
    options = ("--map-pictures", 0, "--space-pictures", 0, "--no-additional-analyses", "--order", 1)
    audit = ("audit", "--features", tmp_path / "features", "--probe", tmp_path / "probe")
    succeeded(*audit, "-o", tmp_path / "run", *options, "--prompt-variants", "a picture full of {}", "synonyms")
    table = load_audit(tmp_path / "run").tables["space_wording"]
    assert table["wording"].iloc[0] == "a picture full of {}"
    assert table["wording"].str.startswith("synonyms: ").any()
    assert (table.loc[table["slice"] == "all pictures", "flips"] > 0).any()
    assert "predicted otherwise" in (tmp_path / "run" / "report.html").read_text()
    assert "has no {}" in refusal(*audit, "-o", tmp_path / "other", *options, "--prompt-variants", "no place")
    csv = tmp_path / "table.csv"
    predictions_table(60).to_csv(csv, index=False)
    line = refusal("audit", "--predictions", csv, "-o", tmp_path / "third", "--prompt-variants", "a {}")
    assert "--prompt-variants need a probe's text model" in line
