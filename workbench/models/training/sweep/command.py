"""Which settings of a training do best on pictures left out, found within a time?"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affect_workbench.arrays import Positions
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import atomic_folder, write_text
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.files import taxonomy_called
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.config import FitConfig
from affect_workbench.workbench.datasets.features import open_features
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.options import as_shown
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.training.settings import SweepSettings
from affect_workbench.workbench.models.training.splits import require_split
from affect_workbench.workbench.models.training.sweep.search_space import (
    Choice,
    Span,
    as_suggestion,
    in_words,
    proposed,
    searched,
)
from affect_workbench.workbench.models.training.sweep.summary import best_of, sentences
from affect_workbench.workbench.models.training.sweep.trials import (
    CVSetup,
    TrialResult,
    load_trials,
    measured,
    save_trial,
    trials_table,
)

if TYPE_CHECKING:
    from optuna import Study, Trial

BEST_FILE = "best.toml"
TRIALS_FILE = "trials.csv"
_UNPRUNED = 5
"""Complete trials before any is given up: a median of fewer says little."""
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}{postfix}"
Space = Mapping[str, Choice | Span]
Clock = Callable[[], float]


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found: every trial in order (the first has the given settings), and the best complete one."""

    trials: tuple[TrialResult, ...]
    best: TrialResult


@writes_out()
def sweep(settings: SweepSettings, *, say: Say = print, clock: Clock = time.monotonic) -> SweepResult:
    """Searches settings and writes `best.toml`, which `workbench train --config` takes, and `trials.csv`.

    Every trial is measured on the same folds of the training pictures. The given settings are the first trial and always
    finished, so what is written is never worse than they are on this measure. The n-th trial depends on those before it
    alone: a sweep that is killed goes on as if it had not been, when the same command is given again.

    Args:
        settings: what to search.
        say: receives lines of text.
        clock: seconds since any moment.

    Raises:
        FileExistsError: the folder exists.
        ValueError: neither time nor trials, or see `Ground`, `searched` and `load_trials`.
        FileNotFoundError: Optuna is not installed.
    """
    from affect_workbench.probes.anchors.anchors import anchors_from

    started = clock()
    _refuse_no_end(settings)
    _require_optuna()
    out = Path(settings.out)
    space = searched(settings.fit, settings.keep)
    features, within, taxonomy, last = _pictures(settings, say)
    measure = "balanced_accuracy" if settings.fit.choose_by == "balanced_accuracy" else "accuracy"
    anchors = anchors_from(settings.fit.anchors, taxonomy, template=settings.fit.template)
    setup = CVSetup(features, within, taxonomy, anchors, settings.folds, settings.fit.seed, measure)
    say(f"searched: {in_words(space)}; all else as given")
    if settings.fit.choose_by == "loss":
        say("note: losses of different settings cannot be compared: trials are compared by accuracy, epochs by the loss")
    work = out.with_name(f".{out.name}.sweep")
    trials = load_trials(work, setup, setup.question(settings.fit, dict(space)))
    before = trials[-1].elapsed if trials else 0.0
    if trials:
        say(f"resuming an interrupted sweep after {plural(len(trials), 'trial')}, {before:.0f} s")

    def elapsed() -> float:
        return before + clock() - started

    trials = _searched(settings, setup, space, trials, work, elapsed)
    comments = [*sentences(trials, setup, elapsed=elapsed()), *last]
    result = SweepResult(tuple(trials), best_of(trials))
    with atomic_folder(out, overwrite=settings.overwrite) as partial:
        write_text(partial / BEST_FILE, best_toml(result.best, settings, comments))
        trials_table(trials, measure).to_csv(partial / TRIALS_FILE, index=False)
    shutil.rmtree(work, ignore_errors=True)
    for line in comments:
        say(line)
    say(f"wrote {out}; next: workbench train --config {out / BEST_FILE} --features {settings.features} -o PROBE")
    return result


def best_toml(best: TrialResult, settings: SweepSettings, comments: list[str]) -> str:
    """The settings of a trial as a file for `workbench train --config`, with what is known of them as comments."""
    given = {name: getattr(settings, name) for name in ("taxonomy", "split", "encoder", "id_column")}
    keys = {name: value for name, value in given.items() if value != getattr(SweepSettings, name)} | as_shown(best.config)
    comments = ["Found by workbench sweep. Use: workbench train --config THIS-FILE --features DIR -o PROBE", *comments]
    # A JSON value is a TOML value, but for DEL, which TOML wants escaped.
    values = {key: json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f") for key, value in keys.items()}
    return "\n".join([*(f"# {line}" for line in comments), "", *(f"{key} = {value}" for key, value in values.items()), ""])


def _refuse_no_end(settings: SweepSettings) -> None:
    if not (math.isfinite(settings.minutes) and settings.minutes >= 0 and settings.trials >= 0):
        raise ValueError(
            f"--minutes is {settings.minutes:g} and --trials {settings.trials}: expected numbers from 0, 0 for no limit"
        )
    if not settings.minutes and not settings.trials:
        raise ValueError("--minutes and --trials are both 0, so the sweep would never end: give one of them")


def _require_optuna() -> None:
    try:
        import optuna
    except ImportError as error:
        raise FileNotFoundError("Optuna is not installed: pip install 'affect-workbench[sweep]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def _pictures(settings: SweepSettings, say: Say) -> tuple[FeatureSet, Positions, Taxonomy, list[str]]:
    """A set; where in it the labelled training pictures are, no two copies of one another; labels; what to say last."""
    taxonomy = taxonomy_called(settings.taxonomy) if settings.taxonomy else None
    features = open_features(settings.features, encoder=settings.encoder, id_column=settings.id_column, taxonomy=taxonomy)
    if "label" not in features.rows:
        raise ValueError(f"cannot sweep: the features at {settings.features} have no 'label' column")
    labelled = features.rows["label"].notna().to_numpy()
    if not labelled.any():
        raise ValueError(f"cannot sweep: no picture at {settings.features} has a label")
    if not labelled.all():
        say(
            f"note: {plural(int((~labelled).sum()), 'picture has no label and is', 'pictures have no label and are')} "
            "left out"
        )
    rows, within = features.rows[labelled], np.flatnonzero(labelled)
    taxonomy = taxonomy or Taxonomy.from_labels(sorted(rows["label"].unique()))
    splits = sorted(rows["split"].dropna().unique()) if "split" in rows else []
    chosen = settings.split or ("train" if splits else "")
    last = []
    if chosen:
        chosen = require_split(chosen, splits)
        inside = (rows["split"] == chosen).to_numpy()
        if not inside.all():
            say(f"only split {chosen} is used, {int(inside.sum()):,} of {len(rows):,} pictures: the sweep uses no others")
        rows, within = rows[inside], within[inside]
    if "test" not in splits or chosen == "test":
        last = [
            "there is no split test that the sweep has not used: the accuracy that workbench train reports on these "
            "features with these settings is optimistic too"
        ]
    if "content" in rows:
        contents = rows["content"]
        copies = (contents.notna() & (contents != "") & contents.duplicated()).to_numpy()
        if copies.any():
            which = named(rows["image_id"][copies])
            say(
                f"note: {plural(int(copies.sum()), 'picture is a copy', 'pictures are copies')} of another one: left out, "
                f"first {which}"
            )
            rows, within = rows[~copies], within[~copies]
    say(f"{len(rows):,} pictures, {features.spec.in_words()}; labels: {', '.join(taxonomy.labels)}")
    return features, within, taxonomy, last


def _searched(
    settings: SweepSettings, setup: CVSetup, space: Space, trials: list[TrialResult], work: Path, elapsed: Clock
) -> list[TrialResult]:
    """All trials: those of an earlier run, and new ones until time or number are used up."""
    import optuna

    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED))
    trials, limit, given = list(trials), 60 * settings.minutes, settings.fit
    for trial_result in trials:
        _report_to_study(study, trial_result, setup, given, space)
    with progress_bar(total=settings.trials or round(limit), desc="sweeping", bar_format=_BAR) as bar:
        while not trials or not _is_over(settings, trials, elapsed()):
            number = len(trials)
            if not number:
                study.enqueue_trial(as_suggestion(given, space))
            trial = _asked(study, given, number)
            config = proposed(trial, given, space)

            def verdict(scores: list[float], trial: Trial = trial, number: int = number) -> str:
                """After a fold: why to end the trial, or nothing. The given settings are always finished."""
                trial.report(float(np.mean(scores)), len(scores) - 1)
                _show(bar, settings, trials, elapsed())
                if number and limit and elapsed() >= limit:
                    return "stopped"
                return "pruned" if trial.should_prune() else ""

            trial_result = measured(setup, number, dict(trial.params), config, verdict=verdict, clock=elapsed)
            trials.append(trial_result)
            _show(bar, settings, trials, elapsed())
            if trial_result.state == "stopped":
                break
            _tell(study, trial, trial_result)
            save_trial(trial_result, work)
    return trials


def _is_over(settings: SweepSettings, trials: list[TrialResult], elapsed: float) -> bool:
    out_of_time = settings.minutes > 0 and elapsed >= 60 * settings.minutes
    return out_of_time or 0 < settings.trials <= len(trials)


def _asked(study: Study, given: FitConfig, number: int) -> Trial:
    """The next trial, whose chance depends on seed and number alone."""
    import optuna

    seed = int(np.random.SeedSequence([given.seed, number]).generate_state(1)[0])
    # One setting at a time: which there are depends on the loss, and a joint model needs all of them in every trial.
    study.sampler = optuna.samplers.TPESampler(seed=seed, multivariate=False)
    return study.ask()


def _report_to_study(study: Study, trial_result: TrialResult, setup: CVSetup, given: FitConfig, space: Space) -> None:
    """Puts a finished trial of an earlier run into the study, by the same steps as then."""
    study.enqueue_trial(trial_result.suggested)
    trial = _asked(study, given, trial_result.number)
    proposed(trial, given, space)
    for step in range(min(len(trial_result.scores), setup.folds - 1)):  # after the last fold there is nothing to give up
        trial.report(float(np.mean(trial_result.scores[: step + 1])), step)
    _tell(study, trial, trial_result)


def _tell(study: Study, trial: Trial, trial_result: TrialResult) -> None:
    from optuna.trial import TrialState

    state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[trial_result.state]
    study.tell(trial, trial_result.mean if trial_result.state == "complete" else None, state=state)


def _show(bar: Any, settings: SweepSettings, trials: list[TrialResult], elapsed: float) -> None:
    bar.n = len(trials) if settings.trials else min(round(elapsed), bar.total)
    if trials:
        bar.set_postfix_str(f"trials: {len(trials)}, best {best_of(trials).mean:.3f}", refresh=False)
    bar.refresh()
