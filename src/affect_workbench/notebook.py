"""What can be done in a notebook? Audit, compare, discover, find duplicates, fit a probe: a function each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.discovery.config import DiscoveryConfig
from affect_workbench.arrays import Vectors
from affect_workbench.audits import Audit
from affect_workbench.data.datasets.measurements import Measurements
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions, taxonomy_of
from affect_workbench.data.tables.frame_cells import frame_cells
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.keywords import config_of, path_of, python_errors, two_names, with_keywords
from affect_workbench.probes.config import FitConfig
from affect_workbench.results import Comparison, Discovery, Duplicates

if TYPE_CHECKING:
    from affect_workbench.probes.projector import Probe

_TARGET_ACCURACY = 0.9


@with_keywords(AuditConfig)
@python_errors()
def audit(
    table: Predictions | Measurements | FeatureSet | pd.DataFrame,
    *,
    probe: Probe | None = None,
    training: FeatureSet | pd.DataFrame | None = None,
    valence: Mapping[str, float] | None = None,
    config: AuditConfig | None = None,
    progress: bool = True,
    **options: Any,
) -> Audit:
    """Slices `n` pictures by their attributes and says for every (slice, emotion) what the data can tell.

    The same audit as `workbench audit`: two-level tests under one false discovery rate, intervals, attribution to labels or
    model, and whatever further questions the data can answer. A slice is compared with its complement, all other pictures
    whose attribute is known.

    Sources: Newcombe 1998, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I
    (intervals); Benjamini and Bogomolov 2014, https://doi.org/10.1111/rssb.12028 (two levels); Benjamini and Yekutieli 2005,
    https://doi.org/10.1198/016214504000001907 (intervals of what was picked).

    Args:
        table: predictions; a data frame as `Predictions.from_frame` takes it, or with `outcomes=` one of numbers alone;
            or features, with `probe=`.
        probe: reads the features.
        training: the pictures that the model was trained on, with labels and the audited attributes; for bias
            amplification.
        valence: label -> number, for severity; else the polarity of the labels.
        config: the options as one object; keywords beside it win.
        progress: show a progress bar on standard error when it takes longer than a second.
        **options: fields of `AuditConfig`, listed below.

    Raises:
        TypeError: a table of another kind, no such keyword, or a value of another kind.
        ValueError: an unknown attribute, nothing to slice by, a value out of range, a question asked for by name that the
            data cannot answer, or a table that is refused (see `Predictions.from_frame`).
    """
    asked = config_of(AuditConfig, config, options, function="audit")
    given = _audited(table, probe, asked)
    called = ", ".join(["table", *(f"{name}={value!r}" for name, value in options.items())])
    record = {"command": f"affect_workbench.audit({called})"}
    with _progress("auditing", shown=progress) as step:
        if isinstance(given, Measurements):
            from affect_workbench.analyses.audit.outcomes import run_outcome_audit

            return Audit(run_outcome_audit(given, asked, provenance=record, progress=step))
        from affect_workbench.analyses.audit.questions import AuditContext
        from affect_workbench.analyses.audit.run import run_audit
        from affect_workbench.workbench.models.evaluation.accuracy import probe_accuracy, table_accuracy

        known = AuditContext(
            training=None if training is None else _rows(training),
            valence=None if valence is None else _valence(valence, given.taxonomy),
            temperature=None if probe is None else probe.temperature,
        )
        result = run_audit(given, asked, context=known, provenance=record, progress=step)
        if probe is not None and isinstance(table, FeatureSet):
            accuracy = probe_accuracy(probe, table, given, (), target_accuracy=_TARGET_ACCURACY)
        else:
            accuracy = table_accuracy(given, target_accuracy=_TARGET_ACCURACY)
        return Audit(replace(result, accuracy=accuracy))


@python_errors()
def load(folder: Path | str) -> Audit:
    """The audit in a run folder, of `Audit.save` or of `workbench audit`, with what people decided about its findings.

    Args:
        folder: the run folder.

    Raises:
        TypeError: no path.
        FileNotFoundError: no such folder, or a file is missing.
        ValueError: unfinished, damaged, not an audit, or of another version.
    """
    from affect_workbench.workbench.runs.reviews import load_reviews
    from affect_workbench.workbench.runs.store import load_audit

    path = path_of(folder, keyword="folder")
    return Audit(load_audit(path), load_reviews(path))


@python_errors()
def compare(
    first: Audit | AuditResult | Path | str,
    second: Audit | AuditResult | Path | str,
    *,
    names: tuple[str, str] | None = None,
) -> Comparison:
    """Which skews a second model (or version) made worse or better, on the same pictures.

    Changes are tested in pairs, picture by picture, and corrected as in an audit. Sources: Agresti and Min 2005,
    https://doi.org/10.1002/sim.1781 (intervals); McNemar 1947, https://doi.org/10.1007/BF02295996 (flips).

    Args:
        first: an audit, or its run folder: what the change starts from.
        second: likewise: where it leads.
        names: what the two are called; else their run folders, or A and B.

    Raises:
        TypeError: no audit and no folder, or not two names.
        FileNotFoundError: a run is missing.
        ValueError: the audits are of other pictures, labels or attributes, or asked differently (what differs).
    """
    from affect_workbench.workbench.audit.comparison.command import compared

    called = names or [str(one) if isinstance(one, str | Path) else other for one, other in ((first, "A"), (second, "B"))]
    return Comparison(compared(_result(first), _result(second)), two_names(called))


@with_keywords(DiscoveryConfig)
@python_errors()
def discover(
    features: FeatureSet | Vectors,
    table: Predictions | pd.DataFrame,
    *,
    config: DiscoveryConfig | None = None,
    progress: bool = True,
    **options: Any,
) -> Discovery:
    """Slices that no attribute names: searched on one half of the labelled pictures, checked on the other half.

    What holds is tested at the same true labels. Sources: Mehta, Patel and Gray 1985, https://doi.org/10.2307/2288562 (exact
    test); Sato 1989, https://doi.org/10.2307/2531506 (interval).

    Args:
        features: of the encoder: a `FeatureSet`, whose pictures are found by `image_id`, or an array `(n, d)` in the order
            of the table.
        table: predictions of the pictures, with labels or votes; or a data frame as `Predictions.from_frame` takes it.
        config: the options as one object; keywords beside it win.
        progress: show a progress bar on standard error when it takes longer than a second.
        **options: fields of `DiscoveryConfig`, listed below.

    Raises:
        TypeError: a table of another kind, no such keyword, or a value of another kind.
        ValueError: no labels, too few labelled pictures, one label only, or no feature of a predicted picture.
    """
    from affect_workbench.analyses.discovery.discover import discover as discovered

    asked = config_of(DiscoveryConfig, config, options, function="discover")
    if not isinstance(features, FeatureSet) and np.asarray(features).dtype.kind not in "fiu":
        raise TypeError(f"features are {type(features).__name__}: expected a FeatureSet or an array of numbers (n, d)")
    predictions = Predictions.from_frame(table) if isinstance(table, pd.DataFrame) else table
    if not isinstance(predictions, Predictions):
        raise TypeError(f"table is {type(table).__name__}: expected Predictions or a data frame")
    if isinstance(features, FeatureSet):
        features, predictions = _matched(features, predictions)
    with _progress("discovering", shown=progress) as step:
        return Discovery(discovered(np.asarray(features), predictions, config=asked, progress=step), predictions)


@python_errors()
def find_duplicates(
    first: FeatureSet | pd.DataFrame,
    second: FeatureSet | pd.DataFrame | None = None,
    *,
    hashes: bool = False,
    threshold: float | None = None,
    radius: int | None = None,
    names: tuple[str, str] = ("A", "B"),
) -> Duplicates:
    """Pictures that are in both sets, or twice in one, byte for byte or nearly so.

    Source of the perceptual hashes: C. Zauner, https://www.phash.org/docs/pubs/thesis_zauner.pdf, 3.2.1.

    Args:
        first: features with their rows, or rows alone (`image_id`, and `content` or `path`).
        second: the other set; None to compare the first with itself, across its splits.
        hashes: also compare perceptual hashes of the files in `path`.
        threshold: cosine of features from which pictures are near-duplicates, above 0, at most 1; calibrated when not given.
        radius: differing bits of the hashes, 0 to 7; calibrated when not given.
        names: what the two sets are called.

    Raises:
        TypeError: a set of another kind, a threshold that is no number, or not two names.
        ValueError: repeated ids, features of two encoders, nothing to compare by, or a number out of range.
    """
    from affect_workbench.analyses.duplicates.find import PictureSet, overlap

    for keyword, number in (("threshold", threshold), ("radius", radius)):
        if number is not None and (not isinstance(number, Real) or isinstance(number, bool)):
            raise TypeError(f"{keyword} is {number!r}: expected a number")
    names = two_names(names)
    one = PictureSet(*_side(first, hashes=hashes))
    other = None if second is None else PictureSet(*_side(second, hashes=hashes))
    if second is None:
        names = (names[0], names[0])
    return Duplicates(overlap(one, other, threshold=threshold, radius=radius), names)


@with_keywords(FitConfig)
@python_errors()
def fit(
    features: FeatureSet,
    val: FeatureSet | None = None,
    *,
    taxonomy: Taxonomy | str | Sequence[str] | None = None,
    config: FitConfig | None = None,
    progress: bool = True,
    **options: Any,
) -> Probe:
    """A probe: a projector trained to put pictures near the words for their labels, in the space of a text model.

    Of features with several splits `train` is trained on and `val`, where there is one, chooses the epoch; the other splits
    are left for an audit. Source: TinyEmo, https://arxiv.org/abs/2410.07062.

    Args:
        features: `n` pictures `(n, d)` whose rows have a `label`.
        val: pictures that choose the epoch; else split `val`, else a seeded, stratified share of the training pictures.
        taxonomy: the `k` labels: a `Taxonomy`, the name of a built-in one, a `.toml` file, or the labels; else those of the
            rows.
        config: the options as one object; keywords beside it win.
        progress: show a progress bar on standard error.
        **options: fields of `FitConfig`, listed below.

    Raises:
        TypeError: features of another kind, no such keyword, or a value of another kind.
        ValueError: no labels, fewer than two classes, features of two encoders, or a value out of range.
    """
    from affect_workbench.probes.training.fit import fit as fitted

    asked = config_of(FitConfig, config, options, function="fit")
    if not isinstance(features, FeatureSet):
        raise TypeError(f"features are {type(features).__name__}: expected a FeatureSet")
    splits = set(features.rows["split"].dropna()) if "split" in features.rows else set()
    train = features
    if "train" in splits and len(splits) > 1:
        train = features.where(split="train")
        val = features.where(split="val") if val is None and "val" in splits else val
    return fitted(asked, train, val, taxonomy=taxonomy_of(taxonomy), progress=progress)


@python_errors()
def save_probe(probe: Probe, folder: Path | str, *, overwrite: bool = False) -> Path:
    """Writes a probe folder, for `load_probe` and `workbench audit --probe`; it appears whole or not at all.

    Args:
        probe: of `fit`.
        folder: where to.
        overwrite: replace a probe that is there.

    Returns:
        The folder.

    Raises:
        TypeError: no path.
        FileExistsError: the folder exists and `overwrite` is False.
    """
    from affect_workbench.data.storage.atomic import atomic_folder
    from affect_workbench.probes.checkpoint import save_probe as written

    target = path_of(folder, keyword="folder")
    with atomic_folder(target, overwrite=overwrite) as partial:
        written(probe, partial)
    return target


@python_errors()
def load_probe(folder: Path | str) -> Probe:
    """The probe in a folder, of `save_probe` or of `workbench train`.

    Args:
        folder: the probe folder.

    Raises:
        TypeError: no path.
        FileNotFoundError: no such folder, or a file is missing.
        ValueError: unfinished, damaged, edited, or of another version.
    """
    from affect_workbench.probes.checkpoint import load_probe as opened

    return opened(path_of(folder, keyword="folder"))


def _audited(table: object, probe: Probe | None, asked: AuditConfig) -> Predictions | Measurements:
    """What is audited, whatever form it came in."""
    if isinstance(table, FeatureSet):
        if probe is None:
            raise TypeError("features are no predictions: audit them with probe=, or audit probe.predict(features)")
        return probe.predict(table)
    if probe is not None:
        raise TypeError(f"probe= reads features: expected a FeatureSet, got {type(table).__name__}")
    if isinstance(table, Predictions | Measurements):
        return table
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"table is {type(table).__name__}: expected Predictions, a data frame, or features with probe=")
    silent = not any(name == "predicted" or str(name).startswith("score_") for name in table if name not in asked.outcomes)
    if asked.outcomes and silent:
        return Measurements.from_frame(table, asked.outcomes)
    return Predictions.from_frame(table)


def _rows(training: object) -> pd.DataFrame:
    """The rows of the training pictures."""
    if isinstance(training, pd.DataFrame):
        return frame_cells(training).rows
    if not isinstance(training, FeatureSet):
        raise TypeError(f"training is {type(training).__name__}: expected a FeatureSet or a data frame")
    return training.rows


def _valence(given: object, taxonomy: Taxonomy) -> dict[str, float]:
    """Label -> number, labels in the spelling of the taxonomy."""
    if not isinstance(given, Mapping):
        raise TypeError(f"valence is {given!r}: expected a mapping of label to number")
    for label, number in given.items():
        if not isinstance(number, Real) or isinstance(number, bool):
            raise TypeError(f"valence of {str(label)!r} is {number!r}: expected a number")
    return {taxonomy.resolve(label): number for label, number in given.items()}


def _result(given: object) -> AuditResult:
    if isinstance(given, str | Path):
        return load(given).result
    if isinstance(given, Audit):
        return given.result
    if isinstance(given, AuditResult):
        return given
    raise TypeError(f"cannot compare {type(given).__name__}: expected an audit, or the path of its run folder")


def _matched(features: FeatureSet, predictions: Predictions) -> tuple[Vectors, Predictions]:
    """Features `(n, d)` in the order of the predictions; predicted pictures without features are left out and noted.

    Raises:
        ValueError: no picture is in both.
    """
    ids = predictions.rows["image_id"]
    positions = pd.Index(features.rows["image_id"]).get_indexer(ids)
    found = positions >= 0
    if not found.any():
        raise ValueError(
            f"no predicted picture is among the features: {named(ids)} against {named(features.rows['image_id'])}"
        )
    if not found.all():
        note = f"{plural(int((~found).sum()), 'predicted picture has', 'predicted pictures have')} no features: left out"
        part = predictions.take(found)
        predictions = part.with_rows(part.rows, notes=(note,))
    return features.take(positions[found]).values, predictions


def _side(given: object, *, hashes: bool) -> tuple[pd.DataFrame, Any, Any]:
    """Rows, features and hashes of a set, None for what it has not."""
    from affect_workbench.data.images.perceptual_hash import hashes as perceptual

    if not isinstance(given, FeatureSet | pd.DataFrame):
        raise TypeError(f"a set of pictures is {type(given).__name__}: expected a FeatureSet or a data frame")
    rows, values = (given.rows, given.values) if isinstance(given, FeatureSet) else (frame_cells(given).rows, None)
    if hashes and ("path" not in rows or rows["path"].isna().any()):
        raise ValueError("hashes=True reads picture files: expected a column 'path' without gaps in every set")
    return rows, values, perceptual(rows["path"].tolist()) if hashes else None


@contextmanager
def _progress(title: str, *, shown: bool) -> Iterator[Callable[[str], None]]:
    """A line that names the step, once the whole has taken a second."""
    from affect_workbench.data.storage.progress import progress_bar
    from affect_workbench.workbench.interface.progress import MAP_STEP

    with progress_bar(desc=title, delay=1.0, mininterval=0, progress=shown, bar_format="{desc} {elapsed}") as bar:

        def step(name: str) -> None:
            bar.set_description(f"{title}: {MAP_STEP if name == 'drawing the map' else name}", refresh=False)
            bar.update()

        yield step
