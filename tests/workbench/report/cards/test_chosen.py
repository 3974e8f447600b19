"""The card of a region: what it says is what was compared, and it says what it is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from affect_workbench.analyses.space.geometry.region import Region
from affect_workbench.workbench.report.cards.chosen import EXPLORATORY, chosen_card, confirmation, mapped_pictures
from workbench_runs import CELLS, audited, predictions_table

LEFT = Region.of([([-9, 0, 0, -9], [-9, -9, 9, 9])])


def mapped_result(n=900):
    """Dark pictures lie to the left of the others; the first hundred are not on the map."""
    result = audited(predictions_table(n, bias=0.9), **CELLS)
    rng = np.random.default_rng(0)
    x = np.where(result.samples["tone"] == "dark", -1, 1) + 0.1 * rng.normal(size=n)
    samples = result.samples.assign(audit_x=np.where(np.arange(n) < 100, np.nan, x), audit_y=rng.normal(size=n))
    record = {"method": "umap", "space": "scores", "trustworthiness": 0.9, "pictures": n - 100, "anchors": []}
    return replace(result, samples=samples, run=replace(result.run, map=record))


def test_a_region_is_compared_in_one_half_and_confirmed_in_the_other():
    result = mapped_result()
    mapped = mapped_pictures(result)
    samples = result.samples.iloc[mapped.at]
    assert len(samples) == 800
    inside = LEFT.holds(mapped.places)
    assert (inside == (samples["tone"] == "dark")).all()
    card = chosen_card(result, mapped, inside[~mapped.kept], among=mapped.looked_at)
    half = samples[~mapped.kept]
    angry = half["predicted"] == "anger"
    dark = half["tone"] == "dark"
    assert card.title == f"{dark.sum()} pictures in the region, of {len(half)} in the half that is looked at"
    assert f"predicted as anger {100 * angry[dark].mean():.1f} % of the time" in card.sentence
    assert f"others {100 * angry[~dark].mean():.1f} %" in card.sentence
    assert "the model adds this" in card.sentence
    assert card.cautions[0] == EXPLORATORY
    assert "drawn from the scores, out of which the predictions are read" in card.cautions[1]
    assert card.attributes["attribute"].iloc[0] in ("tone: dark", "tone: light")
    assert card.chart.count("<circle") == len(result.taxonomy)
    found = confirmation(result, mapped, LEFT, card=card)
    other = samples[mapped.kept]
    assert found.sentence.startswith(f"{(other['tone'] == 'dark').sum()} pictures of the half kept back lie in the region.")
    assert {"anger", "tone: dark", "tone: light"} <= set(found.names)


def test_a_region_without_pictures_has_no_card_and_one_empty_in_the_other_half_says_so():
    result = mapped_result()
    mapped = mapped_pictures(result)
    nothing = np.zeros(len(mapped.places), dtype=bool)
    assert chosen_card(result, mapped, nothing, among=mapped.data) is None
    assert chosen_card(result, mapped, ~nothing, among=mapped.data) is None
    card = chosen_card(result, mapped, LEFT.holds(mapped.places), among=mapped.data)
    assert "on the map" in card.title
    elsewhere = Region.of([([50, 60, 60], [50, 50, 60])])
    found = confirmation(result, mapped, elsewhere, card=card)
    assert "holds 0 pictures of the half kept back" in found.sentence
    assert found.names == ()
