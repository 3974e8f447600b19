"""The pictures behind a claim show the claim: an excess, a deficit, with labels, votes, scores only, predictions only."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from affect_workbench.workbench.audit.comparison.report import flips_of
from affect_workbench.workbench.report.evidence.choice import caption, evidence, predicted_so
from affect_workbench.workbench.report.evidence.gallery import Gallery, slice_pictures
from affect_workbench.workbench.report.html import report_html
from workbench_runs import EKMAN, audited, predictions_table

FAST = {"further": False, "space_pictures": 0, "order": 1}


def world(*, labels: bool = True, votes: bool = False, scores: bool = True, seed: int = 2) -> pd.DataFrame:
    """Dark pictures are predicted as anger too often, and as everything else too seldom; light ones the other way round."""
    table = predictions_table(1_500, attributes={"tone": ("dark", "light")}, bias=0.6, scores=scores, seed=seed)
    if votes:
        rng = np.random.default_rng(seed)
        shares = rng.dirichlet(np.ones(6), len(table)) * 4
        shares[np.arange(len(table)), [EKMAN.index(label) for label in table["label"]]] += 6
        table = table.assign(**{f"vote_{label}": shares[:, at] for at, label in enumerate(EKMAN)})
    return table if labels else table.drop(columns="label")


def skew(result, emotion: str, *, more: bool):
    found = result.findings
    at = found.index[(found["slice"] == "tone: dark") & (found["emotion"] == emotion)][0]
    finding = result.finding(int(at))
    assert finding.verdict == "skewed"
    assert (finding.effect > 0) == more
    return finding


def test_an_excess_is_shown_by_pictures_that_are_read_so_the_falsely_so_first():
    result = audited(world(), **FAST)
    found = evidence(result, skew(result, "anger", more=True))
    assert set(found.rows["tone"]) == {"dark"}
    assert set(found.rows["predicted"]) == {"anger"}
    assert len(found) == ((result.samples["tone"] == "dark") & (result.samples["predicted"] == "anger")).sum()
    wrong = (found.rows["label"] != "anger").to_numpy()
    assert wrong[: wrong.sum()].all()
    margins = found.rows["audit_margin"].to_numpy()[: wrong.sum()]
    assert (np.diff(margins) <= 0).all()
    assert (
        found.words
        == f"Predicted as anger, those that contradict their label or votes first ({wrong.sum():,} of {len(found):,})."
    )
    assert found.captions(1) == [f"predicted as anger, labelled {found.rows['label'].iloc[0]}"]


def test_a_deficit_is_shown_by_pictures_that_are_labelled_so_and_read_otherwise():
    result = audited(world(), **FAST)
    found = evidence(result, skew(result, "fear", more=False))
    samples = result.samples
    expected = samples[(samples["tone"] == "dark") & (samples["label"] == "fear") & (samples["predicted"] != "fear")]
    assert sorted(found.rows["image_id"]) == sorted(expected["image_id"])
    assert len(found) > 20
    assert (np.diff(found.rows["audit_margin"]) <= 0).all()
    assert found.words == f"Labelled fear but predicted otherwise, most confident first ({len(found):,})."
    assert found.captions(2) == [f"predicted as {row.predicted}, labelled fear" for row in found.rows.head(2).itertuples()]


def test_labels_in_other_words_are_the_same_labels():
    table = world()
    table["label"] = table["label"].replace({"fear": "Fear ", "joy": "happiness"})
    from affect_workbench.analyses.audit.config import AuditConfig
    from affect_workbench.analyses.audit.run import run_audit
    from affect_workbench.data.predictions import predictions_from_table
    from affect_workbench.data.taxonomies.taxonomy import Taxonomy

    given = predictions_from_table(table, taxonomy=Taxonomy.named("ekman6"))
    result = run_audit(given, AuditConfig(map_pictures=0, **FAST))
    for emotion in ("fear", "joy"):  # in the spelling of the labels that were asked for
        found = evidence(result, skew(result, emotion, more=False))
        assert set(found.rows["label"]) == {emotion}


def test_with_votes_a_deficit_is_shown_by_those_with_most_votes():
    result = audited(world(votes=True, labels=False), **FAST)
    found = evidence(result, skew(result, "fear", more=False))
    votes = found.rows[[f"vote_{label}" for label in EKMAN]].to_numpy()
    share = votes[:, EKMAN.index("fear")] / votes.sum(axis=1)
    assert (np.diff(share) <= 1e-12).all()
    assert share[0] > 0.6
    assert not (found.rows["predicted"] == "fear").any()
    assert found.captions(1)[0].endswith(f"{100 * share[0]:.1f} % of votes for fear")
    assert found.words.startswith("With votes for fear but predicted otherwise, most votes first")
    more = evidence(result, skew(result, "anger", more=True))
    assert (np.diff(more.rows["audit_agreement"]) >= 0).all()


def test_with_scores_alone_a_deficit_is_shown_by_the_highest_scores_that_lost():
    table = world(labels=False)
    result = audited(table, **FAST)
    found = evidence(result, skew(result, "fear", more=False))
    score = table.set_index("image_id")["score_fear"]
    inside = table[(table["tone"] == "dark") & (result.samples["predicted"].to_numpy() != "fear")]
    best = inside.sort_values("score_fear", ascending=False)["image_id"].head(20).tolist()
    assert found.rows["image_id"].head(20).tolist() == best
    assert found.captions(1)[0].endswith(f"score for fear {score[best[0]]:.2f}")
    assert "Without a label: those with the highest score for fear" in found.words


def test_with_predictions_alone_no_picture_is_shown_and_the_reader_is_told_why():
    result = audited(world(labels=False, scores=False), **FAST)
    found = evidence(result, skew(result, "fear", more=False))
    assert len(found) == 0
    assert "neither labels nor scores are known" in found.words
    page = report_html(result)
    assert "neither labels nor scores are known" in page
    assert len(evidence(result, skew(result, "anger", more=True))) > 100


def test_a_deficit_of_the_labels_shows_no_picture_that_is_read_wrongly():
    """Fear is rare among dark pictures and always recognised: no picture of the slice was read otherwise."""
    table = predictions_table(2_000, attributes={"tone": ("dark", "light")}, bias=0.0)
    kept = ~((table["tone"] == "dark") & (table["label"] == "fear") & (np.arange(2_000) % 6 > 0))
    result = audited(table[kept].reset_index(drop=True), **FAST)
    found = evidence(result, skew(result, "fear", more=False))
    assert len(found) == 0
    assert found.words == (
        "No picture that is labelled fear is predicted otherwise. The slice is predicted as fear less often because fewer "
        "of its pictures show it."
    )


def test_where_the_others_are_read_so_wrongly_they_are_shown():
    """Light pictures are read rightly; they are predicted as anger less often because dark ones are read so wrongly."""
    result = audited(world(), **FAST)
    found = result.findings
    at = found.index[(found["slice"] == "tone: light") & (found["emotion"] == "anger")][0]
    finding = result.finding(int(at))
    assert (finding.verdict, finding.effect < 0) == ("skewed", True)
    shown = evidence(result, finding)
    assert set(shown.rows["tone"]) == {"dark"}
    assert set(shown.rows["predicted"]) == {"anger"}
    assert "anger" not in set(shown.rows["label"])
    assert shown.words == (
        "No picture that is labelled anger is predicted otherwise. The other pictures are predicted as anger "
        f"more often: those that contradict their label ({len(shown):,})."
    )


@pytest.mark.parametrize("verdict", ["equivalent", "undetermined", "too small"])
def test_of_what_is_not_skewed_those_are_shown_that_are_read_so_and_nothing_is_claimed(verdict):
    result = audited(world(), **FAST)
    finding = SimpleNamespace(where={"tone": "dark"}, emotion="fear", effect=-0.1, verdict=verdict)
    found = evidence(result, finding)
    assert set(found.rows["predicted"]) == {"fear"}
    assert found.words.endswith("No difference is claimed.")
    assert predicted_so(result, finding).rows["image_id"].tolist() == found.rows["image_id"].tolist()


def test_the_report_shows_the_claim_beside_the_sentence_and_behind_the_heat_map():
    result = audited(world(), **FAST)
    page = report_html(result)
    assert "Labelled fear but predicted otherwise, most confident first" in page
    (dark,) = slice_pictures(result, Gallery(result.samples), ["tone: dark"])
    claim = dark.claims["fear"]
    found = evidence(result, skew(result, "fear", more=False))
    assert (claim.words, claim.n, len(claim.shown)) == (found.words, len(found), 3)
    assert "anger" not in dark.claims  # an excess is shown by the cell itself


def change(rows, flips, **row):
    result = SimpleNamespace(rows=pd.DataFrame(rows), flips=pd.DataFrame(flips))
    return flips_of(result, SimpleNamespace(where={"tone": "dark"}, emotion="fear", **row))


def test_a_change_is_shown_by_pictures_that_moved_the_way_it_says():
    rows = {"image_id": list("abcdef"), "tone": ["dark"] * 4 + ["light"] * 2, "label": list("xxxxxx")}
    flips = {
        "image_id": list("abcef"),
        "predicted_a": ["joy", "fear", "fear", "joy", "fear"],
        "predicted_b": ["fear", "joy", "anger", "fear", "joy"],
        "hit_a": [1.0, 0, 1, 0, 0],
        "hit_b": [0.0, 1, 0, 0, 0],
    }
    words, shown = change(rows, flips, change=0.1, verdict="worse")
    assert ([one.id for one in shown], words) == (["a"], "Pictures of the slice whose prediction changed to fear (1):")
    words, shown = change(rows, flips, change=-0.1, verdict="worse")
    assert ([one.id for one in shown], words) == (
        ["c", "b"],
        "Pictures of the slice whose prediction changed from fear (2):",
    )
    assert [one.id for one in change(rows, flips, change=-0.1, verdict="better")[1]] == ["b", "c"]
    only = {name: values[3:] for name, values in flips.items()}  # nothing moved inside: the others did
    words, shown = change(rows, only, change=0.1, verdict="worse")
    assert [one.id for one in shown] == ["f"]
    assert words == "No picture of the slice changed this way; other pictures changed from fear (1):"


def test_a_caption_says_whether_a_label_is_one_or_only_has_most_votes():
    row = {"predicted": "joy", "label": "fear", "vote_fear": 6.0, "vote_joy": 4.0, "vote_awe": np.nan}
    assert caption(row) == "predicted as joy, mostly voted fear"
    assert caption(row | {"vote_joy": 9.0}) == "predicted as joy, labelled fear"
    assert caption({"predicted": "joy", "label": "fear"}) == "predicted as joy, labelled fear"
    assert caption(row | {"label": None}) == "predicted as joy"
