"""What does the whole road look like? Pictures with a planted bias, an encoder, a probe, an audit that finds it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.storage.destination import ensure_free
from affect_workbench.data.storage.leftovers import discard
from affect_workbench.probes.config import FitConfig
from affect_workbench.workbench.audit.command import audit
from affect_workbench.workbench.audit.permutation_check import check_permutations
from affect_workbench.workbench.audit.settings import AuditSettings, PermutationCheckSettings
from affect_workbench.workbench.benchmark.settings import DemoSettings
from affect_workbench.workbench.datasets.settings import FeaturesSettings
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.training.command import train
from affect_workbench.workbench.models.training.settings import TrainSettings
from affect_workbench.workbench.report.sentences import plain_sentence
from affect_workbench.workbench.runs.files import RUN_FILES


@writes_out(replaces=True, whole=False)
def demo(settings: DemoSettings, *, command: str = "", say: Say = print) -> AuditResult:
    """Draws pictures (or, with `table`, features) with a planted bias, trains a probe and audits it, under one folder.

    Raises:
        FileExistsError: the folder holds something that the demo did not write.
    """
    return (
        _of_table(settings, command=command, say=say) if settings.table else _of_pictures(settings, command=command, say=say)
    )


def _of_pictures(settings: DemoSettings, *, command: str, say: Say) -> AuditResult:
    from affect_workbench.data.synthetic.scenes import AnnotatorBias
    from affect_workbench.data.synthetic.scenes.dataset import write_scenes
    from affect_workbench.workbench.datasets.command import features as encode_pictures

    root = Path(settings.out)
    for name in ("world/pictures", "world/manifest", "features", "probe", "audit"):
        ensure_free(root / name, overwrite=True, known=RUN_FILES if name == "audit" else ())
    if (root / "features").exists():
        discard(root / "features")  # encoded anew, so that the demo shows it
    bias = AnnotatorBias() if settings.bias else None
    half = settings.pictures // 2
    write_scenes(root / "world", train=settings.pictures - half, test=half, seed=settings.seed, bias=bias, overwrite=True)
    say(f"drew {settings.pictures:,} pictures; {half:,} of them, balanced over figure tone and camera, are for the audit")
    if bias:
        say(
            f"planted: {100 * bias.strength:.0f} % of the training votes on pictures with "
            f"{_in_words(bias.attribute, bias.value)} say {bias.emotion} whatever the picture shows; the votes "
            "on the audited pictures are fair"
        )
    else:
        say("planted: nothing; the camera has no effect in this world, so a correct audit finds none")
    encode_pictures(
        FeaturesSettings(manifest=str(root / "world/manifest"), encoder="builtin:scenes", out=str(root / "features")),
        say=say,
    )
    base = TrainSettings(features=str(root / "features"), out=str(root / "probe"), overwrite=True)
    trained = train(replace(base, fit=scenes_training(settings.seed)), say=say)
    asked = AuditSettings(
        features=str(root / "features"), probe=str(root / "probe"), split="test", out=str(root / "audit"), overwrite=True
    )
    remark = _accuracy_remark(trained.probe, FeatureSet.load(root / "features"), settings.seed) if bias else ""
    result = audit(
        replace(asked, audit=replace(asked.audit, seed=settings.seed)),
        command=command,
        say=say,
        remarks=(remark,) if remark else (),
    )
    if bias:
        cells = result.findings[result.findings["emotion"] == bias.emotion]
        row = cells[cells["where"].map(lambda where: where == {bias.attribute: bias.value})].iloc[0]
        say(f"{'found' if row['verdict'] == 'skewed' else 'missed'}: {plain_sentence(row, truth=result.run.truth)}")
        say(remark)
    else:
        attribute = AnnotatorBias().attribute
        own = result.findings["where"].map(lambda where: set(where) == {attribute})
        skewed = result.findings[own & (result.findings["verdict"] == "skewed")]
        for _, row in skewed.iterrows():
            say(f"false alarm: {plain_sentence(row, truth=result.run.truth)}")
        if skewed.empty:
            say(
                f"as expected, none of the {int(own.sum())} pairs of {attribute} and emotion is skewed; any skew "
                "concerns the content"
            )
    check_permutations(PermutationCheckSettings(run=str(root / "audit"), seed=settings.seed), say=say)
    say(f"next: workbench app {root / 'audit'}")
    return result


def scenes_training(seed: int) -> FitConfig:
    """How the demo trains: on the votes of all annotators.

    From one answer a picture, 2,000 pictures have chance links of camera and emotion that a probe learns and an audit
    rightly finds, although nothing was planted.
    """
    return replace(TrainSettings().fit, soft="votes", seed=seed)


def _accuracy_remark(biased: Any, features: FeatureSet, seed: int) -> str:
    """What accuracy alone would have told: the same training on fair answers, measured on the same pictures."""
    from affect_workbench.data.synthetic.scenes.dataset import training_answers
    from affect_workbench.probes.training.fit import fit

    train_on, test_on = features.where(split="train"), features.where(split="test")
    fair = training_answers(train_on.rows, seed=seed, bias=None)
    fair_rows = train_on.rows.assign(**{str(name): fair[name].to_numpy() for name in fair})
    twin = fit(
        scenes_training(seed),
        FeatureSet(train_on.spec, train_on.values, fair_rows),
        anchors=biased.anchors,
        taxonomy=biased.taxonomy,
        progress=False,
    )
    with_bias, without = (_accuracy(probe, test_on) for probe in (biased, twin))
    return (
        f"Accuracy does not reveal the bias: {with_bias:.3f} with the planted bias, {without:.3f} after the same "
        "training on fair votes. Only the slices show it."
    )


def _accuracy(probe: Any, features: FeatureSet) -> float:
    predictions = probe.predict(features)
    return float((predictions.predicted == probe.taxonomy.codes(features.rows["label"])).mean())


def _of_table(settings: DemoSettings, *, command: str, say: Say) -> AuditResult:
    from affect_workbench.data.synthetic.features import DEFAULT_BIASES, feature_table

    root = Path(settings.out)
    features, probe, run = (root / name for name in ("features", "probe", "audit"))
    for folder in (features, probe, run):
        ensure_free(folder, overwrite=True, known=RUN_FILES if folder == run else ())
    biases = DEFAULT_BIASES if settings.bias else ()
    feature_table(biases=biases, test=settings.pictures, seed=settings.seed).save(features, overwrite=True)
    for bias in biases:
        what = "look like" if bias.kind == "reading" else "truly show"
        where = SliceSpec.from_json(bias.where).name
        say(f"planted: {100 * bias.strength:.0f} % of the pictures with {where} {what} {bias.emotion}")
    if not biases:
        say("planted: nothing; a correct audit finds nothing")
    base = TrainSettings(features=str(features), out=str(probe), overwrite=True)
    train(replace(base, fit=replace(base.fit, seed=settings.seed)), say=say)
    asked = AuditSettings(features=str(features), probe=str(probe), split="test", out=str(run), overwrite=True)
    result = audit(replace(asked, audit=replace(asked.audit, seed=settings.seed)), command=command, say=say)
    for bias in biases:
        cells = result.findings[result.findings["emotion"] == bias.emotion]
        row = cells[cells["where"].map(lambda where, asked=dict(bias.where): where == asked)].iloc[0]
        say(f"{'found' if row['verdict'] == 'skewed' else 'missed'}: {plain_sentence(row, truth=result.run.truth)}")
    say(f"next: workbench app {run}")
    return result


def _in_words(attribute: str, value: str) -> str:
    return SliceSpec.from_json({attribute: value}).name


def planted_rank(result: AuditResult, bias: Any) -> int:
    """Place in the ranking of what is skewed (repeats left out) of the planted slice's first cell; -1 if it has none."""
    own = result.findings[(result.findings["verdict"] == "skewed") & on_its_own(result.findings)]
    hits = [at for at, where in enumerate(own["where"]) if where == {bias.attribute: bias.value}]
    return hits[0] if hits else -1
