"""One planted world a question: does the audit give the right answer, and do the rules of other tools?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.benchmark.decision_rules import counted, flags, position, true_differences
from affect_workbench.analyses.benchmark.results import RIGHT, TOOLS, Experiment, Record, Row, share_row
from affect_workbench.analyses.disparities.adjusted import adjusted_table
from affect_workbench.analyses.disparities.calibration import calibration_table
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.analyses.slices.coding import CodedAttribute, coded_attribute
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.strata import strata
from affect_workbench.analyses.space.margins import hubness_table
from affect_workbench.arrays import Mask
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.synthetic.predictions import TableWorld, table_world

PICTURES = 20_000
Place = Mapping[str, int]
Target = tuple[Place, int]
"""A slice and the emotion that is planted there."""


@dataclass(frozen=True)
class Planted:
    """A data set, what is wrong with it, and the audit's answer.

    Attributes:
        world: what is true.
        predictions: drawn from it.
        targets: what a method must flag; none where it must flag nothing.
        right: whether the audit's answer is the right one.
        silent: whether a flag of any pair is wrong (where the right answer is that no pair is skewed).
    """

    world: TableWorld
    predictions: Predictions
    targets: Sequence[Target]
    right: bool
    silent: bool = field(default=False)


Make = Callable[[TableWorld, np.random.Generator], Planted]


def scenario_experiment(*, blocks: tuple[int, int]) -> Experiment:
    """Every scenario of tables once a block."""

    def run(seed: Sequence[int], quick: bool) -> Record:
        found: dict[str, dict[str, list[int]]] = {}
        for at, (name, make) in enumerate(SCENARIOS.items()):
            rng = np.random.default_rng([*seed, at])
            planted = make(table_world(rng), rng)
            found[name] = {"ours": [int(planted.right)]} | {
                tool: [int(right)] for tool, right in _tools(planted, rng).items()
            }
        return found

    def rows(records: Sequence[Record], quick: bool) -> list[Row]:
        lines = []
        for name in SCENARIOS:
            values = {tool: [hit for record in records for hit in record[name][tool]] for tool in records[0][name]}
            others = {tool: float(np.mean(hits)) for tool, hits in values.items() if tool in TOOLS}
            ours = values["ours"]
            lines.append(share_row(sum(ours), len(ours), at_least=RIGHT, kind="scenario", name=name, others=others))
        return lines

    return Experiment("scenarios", blocks, run, rows)


def _tools(planted: Planted, rng: np.random.Generator) -> dict[str, bool]:
    """Tool -> right: every target flagged, and no more than one in twenty flags where nothing differs; or nothing at all."""
    table = counted(planted.predictions)
    truth = true_differences(planted.world, table.sums.specs)
    places = [(position(table.sums.specs, place), emotion) for place, emotion in planted.targets]
    outcome = {}
    for tool, flagged in flags(table, rng).items():
        if tool == "ours":
            continue
        if planted.silent or not planted.targets:
            outcome[tool] = not flagged.any()
            continue
        found = all(at is not None and bool(flagged[at, emotion]) for at, emotion in places)
        false = (flagged & (np.abs(truth) < 1e-9)).sum() / max(int(flagged.sum()), 1)
        outcome[tool] = found and bool(false <= 0.05)
    return outcome


def _audit(predictions: Predictions) -> AuditResult:
    return run_audit(predictions, AuditConfig(map_pictures=0, further=False, causes=False))


def _cell(result: AuditResult, world: TableWorld, target: Target) -> pd.Series:
    """The finding of one target."""
    place, emotion = target
    found = result.findings
    wanted = {name: f"v{value}" for name, value in place.items()}
    at = (found["emotion"] == world.taxonomy.labels[emotion]) & (found["where"] == wanted)
    return (
        found[at].iloc[0]
        if at.any()
        else pd.Series({"verdict": "not counted", "attribution": None, "explained_by": "nothing"})
    )


def _skewed(result: AuditResult) -> int:
    return result.count("skewed")


def _picked(world: TableWorld, rng: np.random.Generator, order: int, *, share: float) -> Place:
    """The slice of `order` attributes whose share of the pictures is nearest, among a few drawn at random."""
    tried: list[tuple[float, int, Place]] = []
    for _ in range(40):
        chosen = sorted(rng.choice(len(world.attributes), order, replace=False))
        place = {world.attributes[at]: int(rng.integers(world.codes[:, at].max() + 1)) for at in chosen}
        tried.append((abs(float(np.log(world.weight[world.where(place)].sum() / share))), len(tried), place))
    return min(tried, key=lambda entry: entry[:2])[2]


def _emotion(world: TableWorld, rng: np.random.Generator) -> int:
    return int(rng.integers(len(world.taxonomy)))


def null(world: TableWorld, rng: np.random.Generator) -> Planted:
    """Nothing is planted; right: nothing is called skewed."""
    predictions = world.draw(PICTURES, rng)
    return Planted(world, predictions, (), _skewed(_audit(predictions)) == 0, silent=True)


def clusters(world: TableWorld, rng: np.random.Generator) -> Planted:
    """Pictures come in groups that are read alike; right: nothing is called skewed."""
    predictions = world.draw(PICTURES, rng, mean_group=10, intraclass=0.3)
    return Planted(world, predictions, (), _skewed(_audit(predictions)) == 0, silent=True)


def direct(world: TableWorld, rng: np.random.Generator) -> Planted:
    """One value of one attribute; right: its pair is skewed, and the model's doing."""
    target = _picked(world, rng, 1, share=0.2), _emotion(world, rng)
    world = world.read(*target, 0.12)
    predictions = world.draw(PICTURES, rng)
    cell = _cell(_audit(predictions), world, target)
    return Planted(world, predictions, (target,), cell["verdict"] == "skewed" and cell["attribution"] == "model")


def rare(world: TableWorld, rng: np.random.Generator) -> Planted:
    """Half a percent of the pictures, read so four times in ten; right: the pair is skewed."""
    target = _picked(world, rng, 2, share=0.005), _emotion(world, rng)
    world = world.read(*target, 0.4)
    predictions = world.draw(PICTURES, rng)
    return Planted(world, predictions, (target,), _cell(_audit(predictions), world, target)["verdict"] == "skewed")


def noisy_labels(world: TableWorld, rng: np.random.Generator) -> Planted:
    """A third of the labels of a slice are wrong, the model is not; right: nothing is called skewed."""
    place, predictions = _picked(world, rng, 1, share=0.2), world.draw(PICTURES, rng)
    rows = predictions.rows.copy()
    inside = _rows_in(rows, place)
    wrong = inside & (rng.random(len(rows)) < 1 / 3)
    rows.loc[wrong, "label"] = rng.permutation(rows["label"].to_numpy(dtype=object))[wrong]
    predictions = predictions.with_rows(rows)
    return Planted(world, predictions, (), _skewed(_audit(predictions)) == 0, silent=True)


def correlated(world: TableWorld, rng: np.random.Generator) -> Planted:
    """An innocent attribute follows the guilty one; right: held against each other, only the guilty one stays skewed."""
    guilty, innocent = "attribute_3", "attribute_2"
    world, emotion = world.tied(guilty, innocent, 0.85), _emotion(world, rng)
    target = {guilty: 1}, emotion
    world = world.read(*target, 0.15)
    predictions = world.draw(PICTURES, rng)
    coded = [coded_attribute(predictions.rows[name]) for name in (guilty, innocent)]
    stays = _adjusted(predictions, coded, (innocent,), world, target)
    goes = _adjusted(predictions, coded, (guilty,), world, ({innocent: 1}, emotion))
    right = _cell(_audit(predictions), world, target)["verdict"] == "skewed"
    return Planted(world, predictions, (target,), right and stays["verdict"] == "skewed" and goes["verdict"] != "skewed")


def intersection(world: TableWorld, rng: np.random.Generator) -> Planted:
    """Two conditions together; right: the pair is skewed and stands on its own."""
    target = _picked(world, rng, 2, share=0.05), _emotion(world, rng)
    world = world.read(*target, 0.25)
    predictions = world.draw(PICTURES, rng)
    cell = _cell(_audit(predictions), world, target)
    return Planted(world, predictions, (target,), cell["verdict"] == "skewed" and pd.isna(cell["explained_by"]))


def confounded(world: TableWorld, rng: np.random.Generator) -> Planted:
    """The slice truly shows more of the emotion; right: not the model's doing, and gone once true labels are held fixed."""
    target = _picked(world, rng, 1, share=0.2), _emotion(world, rng)
    world = world.labelled(*target, 0.2)
    predictions = world.draw(PICTURES, rng)
    cell = _cell(_audit(predictions), world, target)
    coded = [coded_attribute(predictions.rows[name]) for name in target[0]]
    within = _adjusted(predictions, coded, ("label",), world, target)
    right = cell["verdict"] == "skewed" and cell["attribution"] == "labels" and within["verdict"] != "skewed"
    return Planted(world, predictions, (target,), right)


def simpson(world: TableWorld, rng: np.random.Generator) -> Planted:
    """More in every scene, less over all, since scenes differ; right: the reversal is named."""
    scene, attribute, emotion = "attribute_3", "attribute_1", _emotion(world, rng)
    world = world.tied(scene, attribute, 0.9)
    # Values 0 and 2 of the scene go with value 0 of the attribute. The scene drives what is said one way, the attribute the
    # other way.
    for value in (0, 2):
        world = world.read({scene: value}, emotion, 0.4)
    world = world.read({attribute: 1}, emotion, 0.12)
    predictions = world.draw(PICTURES, rng)
    coded = [coded_attribute(predictions.rows[attribute])]
    row = _adjusted(predictions, coded, (scene,), world, ({attribute: 1}, emotion))
    return Planted(world, predictions, (({scene: 1}, emotion),), row["simpson_kind"] == "reversed" and row["effect"] < 0)


def both(world: TableWorld, rng: np.random.Generator) -> Planted:
    """The slice truly shows more of the emotion, and the model adds to it; right: both have a part."""
    target = _picked(world, rng, 1, share=0.2), _emotion(world, rng)
    world = world.labelled(*target, 0.15).read(*target, 0.2)
    predictions = world.draw(PICTURES, rng)
    cell = _cell(_audit(predictions), world, target)
    return Planted(world, predictions, (target,), cell["verdict"] == "skewed" and cell["attribution"] == "both")


def overlapping(world: TableWorld, rng: np.random.Generator) -> Planted:
    """Three biases whose slices share pictures; right: all three are skewed, each on its own."""
    emotions = rng.choice(len(world.taxonomy), 3, replace=False)
    places: list[Place] = [{"attribute_3": 0}, {"attribute_3": 0, "attribute_4": 1}, {"attribute_4": 1}]
    targets = [(place, int(emotion)) for place, emotion in zip(places, emotions, strict=True)]
    for target in targets:
        world = world.read(*target, 0.25)
    predictions = world.draw(PICTURES, rng)
    result = _audit(predictions)
    cells = [_cell(result, world, target) for target in targets]
    right = all(cell["verdict"] == "skewed" and pd.isna(cell["explained_by"]) for cell in cells)
    return Planted(world, predictions, targets, right)


def hub(world: TableWorld, rng: np.random.Generator) -> Planted:
    """One emotion is said of everything too often; right: no slice is skewed, and the hub is named."""
    emotion = _emotion(world, rng)
    world = world.read({}, emotion, 0.3)
    predictions = world.draw(PICTURES, rng)
    labels = hubness_table(predictions)
    named = labels.iloc[int(labels["ratio"].to_numpy().argmax())]
    right = named["emotion"] == world.taxonomy.labels[emotion] and named["low"] > named["prior"]
    return Planted(world, predictions, (), bool(right) and _skewed(_audit(predictions)) == 0, silent=True)


def miscalibrated(world: TableWorld, rng: np.random.Generator) -> Planted:
    """A slice's probabilities are too sure, its readings are not changed; right: no skew, and the calibration is named."""
    place, drawn = _picked(world, rng, 1, share=0.2), world.draw(PICTURES, rng)
    k = len(world.taxonomy)
    shares = rng.dirichlet(np.full(k, 0.5), PICTURES)
    y = np.minimum((rng.random(PICTURES)[:, None] > shares.cumsum(axis=1)).sum(axis=1), k - 1)
    inside = _rows_in(drawn.rows, place)
    sharp = shares**3 / (shares**3).sum(axis=1, keepdims=True)
    given = np.where(inside[:, None], sharp, shares)
    rows = drawn.rows.assign(label=np.array(world.taxonomy.labels, dtype=object)[y])
    predictions = Predictions(1 - given, rows, world.taxonomy, "score", "planted table")
    coded = [coded_attribute(rows[name]) for name in place]
    table = calibration_table(SlicedPredictions(predictions, tuple(coded)), sampling=Sampling(499, int(rng.integers(2**31))))
    name = SliceSpec.from_json({key: f"v{value}" for key, value in place.items()}).name
    named = (table["error_q"][table["slice"] == name] <= 0.05).any()
    return Planted(world, predictions, (), bool(named) and _skewed(_audit(predictions)) == 0, silent=True)


def missing(world: TableWorld, rng: np.random.Generator) -> Planted:
    """An attribute is unknown more often where one emotion is said; right: nothing is skewed, the missing are counted."""
    predictions = world.draw(PICTURES, rng)
    predicted = predictions.predicted == _emotion(world, rng)
    gone = rng.random(PICTURES) < np.where(predicted, 0.5, 0.25)
    rows = predictions.rows.copy()
    rows.loc[gone, "attribute_4"] = None
    predictions = predictions.with_rows(rows)
    result = _audit(predictions)
    listed = result.excluded
    counted_as = listed["n"][(listed["what"] == "pictures") & (listed["name"] == "without attribute_4")]
    right = _skewed(result) == 0 and list(counted_as) == [int(gone.sum())]
    return Planted(world, predictions, (), right, silent=True)


def below(world: TableWorld, rng: np.random.Generator) -> Planted:
    """A difference of a third of what so few pictures can show; right: undetermined, neither skewed nor equivalent."""
    target = _picked(world, rng, 2, share=0.02), _emotion(world, rng)
    rate = float(world.rates(world.where(target[0]))[target[1]])
    n = PICTURES * float(world.weight[world.where(target[0])].sum())
    detectable = 2.8 * np.sqrt(rate * (1 - rate) / n)
    world = world.read(*target, detectable / 3 / (1 - rate))
    predictions = world.draw(PICTURES, rng)
    cell = _cell(_audit(predictions), world, target)
    return Planted(world, predictions, (), cell["verdict"] == "undetermined", silent=True)


def _adjusted(
    predictions: Predictions, coded: Sequence[CodedAttribute], adjust_for: tuple[str, ...], world: TableWorld, target: Target
) -> pd.Series:
    """The target's row once something is held fixed."""
    table = adjusted_table(SlicedPredictions(predictions, tuple(coded)), strata(predictions, adjust_for))
    place, emotion = target
    wanted = {name: f"v{value}" for name, value in place.items()}
    return table[(table["emotion"] == world.taxonomy.labels[emotion]) & (table["where"] == wanted)].iloc[0]


def _rows_in(rows: pd.DataFrame, place: Place) -> Mask:
    return np.asarray(SliceSpec.from_json({name: f"v{value}" for name, value in place.items()}).mask(rows), dtype=bool)


SCENARIOS: Mapping[str, Make] = {
    "null": null,
    "null with clusters": clusters,
    "rare": rare,
    "noisy labels": noisy_labels,
    "correlated": correlated,
    "direct": direct,
    "intersection only": intersection,
    "confounded": confounded,
    "Simpson": simpson,
    "both": both,
    "several overlapping": overlapping,
    "miscalibrated": miscalibrated,
    "hub label": hub,
    "missing metadata": missing,
    "below the detectable effect": below,
}
"""Name -> how it is planted and judged."""
