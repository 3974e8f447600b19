"""What does a card say of pictures that somebody chose on the map, and what of the same region in the half kept back?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.skew.chosen import Chosen, compared, kept_back, replication
from affect_workbench.analyses.slices.coding import coded_attributes
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.space.geometry.region import Region
from affect_workbench.arrays import Floats, Mask, Positions
from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import CORE_COLUMNS, VOTE_PREFIX
from affect_workbench.workbench.interface.numbers import intervals, percent, percents, points, probabilities
from affect_workbench.workbench.report.cards.chart import Bar, drawn
from affect_workbench.workbench.report.sentences import ATTRIBUTION_MEANING

MOST_ATTRIBUTES = 6
HALVES = (
    "Half of the pictures is kept back: by a hash of each picture’s id, pictures of one group or pair together. What you "
    "find among the others can be tested on them, as long as you have not looked at them."
)
EXPLORATORY = (
    "Exploratory: these pictures were chosen by looking, and many places could have been chosen. The intervals and q values "
    "do not hold as they are; they say what is worth testing."
)


@dataclass(frozen=True)
class MappedPictures:
    """The pictures on an audit's map, ready to be compared by their places.

    Attributes:
        at: their positions in the audit's samples `(m,)`.
        places: on the map `(m, 2)`.
        data: what was predicted of them, their truth and attributes.
        kept: which are kept back `(m,)`.
    """

    at: Positions
    places: Floats
    data: SlicedPredictions
    kept: Mask

    @property
    def has_halves(self) -> bool:
        """Whether there are pictures in both halves."""
        return bool(self.kept.any() and not self.kept.all())

    @cached_property
    def looked_at(self) -> SlicedPredictions:
        """Those that are not kept back."""
        return self.data.at(~self.kept)

    @cached_property
    def kept_back(self) -> SlicedPredictions:
        """Those that are."""
        return self.data.at(self.kept)


def mapped_pictures(result: AuditResult) -> MappedPictures | None:
    """The pictures on the map; None where there are none."""
    samples = result.samples
    at = np.flatnonzero(samples["audit_x"].notna().to_numpy())
    config, labels = result.run.config, result.taxonomy.labels
    if not len(at):
        return None
    columns = [name for name in samples if name in CORE_COLUMNS or str(name).startswith(VOTE_PREFIX)]
    rows = samples[columns].iloc[at].drop(columns=["predicted", "answered", "path", "content", "split"], errors="ignore")
    predicted = pd.Categorical(samples["predicted"].iloc[at], categories=labels).codes
    said = Predictions((1 - np.eye(len(labels), dtype=np.float32))[predicted], rows, result.taxonomy, "label")
    coded, _ = coded_attributes(
        samples,
        result.run.attributes,
        available=result.run.attributes,
        bins=config.bins,
        numeric=config.numeric,
        categorical=config.categorical,
    )
    attributes = tuple(replace(one, codes=one.codes[at]) for one in coded)
    kept = kept_back(rows)
    places = samples[["audit_x", "audit_y"]].to_numpy(np.float64)[at]
    return MappedPictures(at, places, SlicedPredictions(said, attributes, frozenset(result.run.inferred)), kept)


@dataclass(frozen=True)
class ChosenCard:
    """What is said of a region of the map.

    Attributes:
        chosen: the pictures in it beside the others they were chosen among.
        title: how many pictures.
        sentence: the largest difference, in plain words.
        cautions: what must be known before anything is believed, a sentence each.
        chart: rates of all emotions here and elsewhere, as SVG.
        chart_words: what is drawn.
        emotions: rates and differences of every emotion, ready to show.
        attributes: the most different values of attributes, ready to show.
    """

    chosen: Chosen
    title: str
    sentence: str
    cautions: tuple[str, ...]
    chart: str
    chart_words: str
    emotions: pd.DataFrame
    attributes: pd.DataFrame


def chosen_card(result: AuditResult, mapped: MappedPictures, inside: Mask, *, among: SlicedPredictions) -> ChosenCard | None:
    """The card of a region; None where it holds no picture, or all.

    Args:
        result: the audit.
        mapped: the pictures on its map.
        inside: which of `among` lie in the region.
        among: `mapped.looked_at`, or `mapped.data`.
    """
    if not inside.any() or inside.all():
        return None
    chosen = compared(among, inside, rules=result.run.config.rules)
    half = among is not mapped.data
    where = "in the half that is looked at" if half else "on the map"
    rows = chosen.emotions
    labels = "" if result.run.truth == "none" else f", by the {result.run.truth} ◇"
    return ChosenCard(
        chosen,
        f"{plural(chosen.n, 'picture')} in the region, of {chosen.n + chosen.n_complement:,} {where}",
        _sentence(rows, result.run.truth, result.run.config.min_count),
        (EXPLORATORY, _of_the_map(result), _units(chosen, result)),
        _chart(rows, chosen, result),
        f"Predicted in the region ●, of the other pictures ❘{labels}; lines are 95 % intervals.",
        _emotion_table(rows, with_truth=result.run.truth != "none"),
        _attribute_table(chosen.attributes.head(MOST_ATTRIBUTES)),
    )


@dataclass(frozen=True)
class Confirmation:
    """The same region of the half that was kept back.

    Attributes:
        sentence: what holds there.
        caution: what kind of test this is.
        names: of what holds.
        table: every difference in both halves, ready to show.
    """

    sentence: str
    caution: str
    names: tuple[str, ...]
    table: pd.DataFrame


def confirmation(result: AuditResult, mapped: MappedPictures, region: Region, *, card: ChosenCard) -> Confirmation:
    """Tests what a card says on the half that was kept back."""
    other = mapped.kept_back
    inside = region.holds(mapped.places[mapped.kept])
    caution = (
        "This half had no part in choosing the region, so its intervals and q values hold (corrected for all emotions, and "
        "for all values of attributes). The map itself was made from all pictures, of both halves: from what the model says "
        "of them, without labels or attributes."
    )
    if not inside.any() or inside.all():
        none = f"The region holds {plural(int(inside.sum()), 'picture')} of the half kept back: nothing can be tested there."
        return Confirmation(none, caution, (), pd.DataFrame())
    again = compared(other, inside, rules=result.run.config.rules)
    found = replication(card.chosen, again, most=MOST_ATTRIBUTES)
    names = tuple(found.loc[found["holds"], "name"])
    count = f"{plural(again.n, 'picture')} of the half kept back lie in the region. "
    claims = f"{len(names):,} of {plural(len(found), 'difference')} {'holds' if len(names) == 1 else 'hold'} there"
    told = f"{claims}: {', '.join(names)}." if names else f"{claims}." if len(found) else "There was no difference to test."
    table = pd.DataFrame(
        {
            "difference in": found["name"],
            "where chosen": intervals(found),
            "half kept back": intervals(found, ("again", "again_low", "again_high")),
            "q there": probabilities(found["q"]),
            "holds": np.where(found["holds"], "yes", "no"),
        }
    )
    return Confirmation(count + told, caution, names, table)


def _sentence(rows: pd.DataFrame, truth: str, least: int) -> str:
    tested = rows[rows["p"].notna()]
    if tested.empty:
        return f"Too few pictures to compare: at least {least:,} are needed on either side."
    skewed = tested[tested["verdict"] == "skewed"]
    largest = skewed if len(skewed) else tested
    row = largest.iloc[int(largest["effect"].abs().to_numpy().argmax())]
    lead = (
        f"Pictures in the region are predicted as {row['emotion']} {percent(row['rate'])} of the time, others "
        f"{percent(row['complement_rate'])}: {points(row['effect'])} points"
    )
    if not len(skewed):
        return f"No emotion surely differs; the largest difference: {lead[0].lower()}{lead[1:]}."
    if pd.isna(row["label_gap"]):
        return f"{lead}."
    lead += f"; the {truth} differ by {points(row['label_gap'])} points"
    meaning = row["attribution"]
    return f"{lead}: {ATTRIBUTION_MEANING[meaning].format(truth=truth)}." if isinstance(meaning, str) else f"{lead}."


def _of_the_map(result: AuditResult) -> str:
    """How predictions enter the map."""
    space = (result.run.map or {})["space"]
    beyond = ", even beyond the labels," if result.run.truth != "none" else ""
    return (
        f"The map is drawn from the {space}, out of which the predictions are read: pictures predicted alike lie together, "
        f"whatever they show. That a region differs in predictions{beyond} is therefore no news; what its pictures have in "
        "common besides is."
    )


def _units(chosen: Chosen, result: AuditResult) -> str:
    units = "groups of pictures" if chosen.in_groups else "pictures"
    votes = "; votes count as shares" if result.run.truth == "votes" else ""
    pairs = "; pairs count as groups and are not compared within" if "pair_id" in result.samples else ""
    return f"Intervals have {units} as their units{votes}{pairs}. The others are all other pictures that could be chosen."


def _chart(rows: pd.DataFrame, chosen: Chosen, result: AuditResult) -> str:
    sizes = rows["effect"].abs().where(rows["p"].notna(), -1.0).to_numpy()
    leading = int(sizes.argmax()) if sizes.max() >= 0 else -1
    bars = [
        Bar(
            str(row["emotion"]),
            chosen.n,
            float(row["rate"]),
            float(row["rate_low"]),
            float(row["rate_high"]),
            float(row["label_rate"]),
            at == leading,
            beside=float(row["complement_rate"]),
        )
        for at, row in enumerate(rows.to_dict("records"))
    ]
    return drawn(bars, title="Predicted in the region", truth=result.run.truth, name="chosen")


def _emotion_table(rows: pd.DataFrame, *, with_truth: bool) -> pd.DataFrame:
    table = {
        "emotion": rows["emotion"],
        "in the region": percents(rows["rate"]),
        "others": percents(rows["complement_rate"]),
        "difference": intervals(rows),
    }
    if with_truth:
        table |= {
            "label gap": intervals(rows, ("label_gap", "label_gap_low", "label_gap_high")),
            "model gap": intervals(rows, ("model_gap", "model_gap_low", "model_gap_high")),
        }
    return pd.DataFrame(table)


def _attribute_table(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "attribute": rows["slice"],
            "in the region": percents(rows["rate"]),
            "others": percents(rows["complement_rate"]),
            "difference": intervals(rows),
        }
    )
