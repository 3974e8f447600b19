"""Can an audit be asked for like this? What paths, headers and options tell, told before the libraries that read data load.

Loading them takes ten times as long as looking at a path. Nothing is accepted here: what only the data can tell is said by
whoever reads them, and a header that is hard to read is left to the reader proper.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path

from affect_workbench.data.answers.logs.kinds import is_log, other_form
from affect_workbench.data.answers.text_files import require_texts
from affect_workbench.data.storage.atomic import require_complete
from affect_workbench.data.tables.columns import SCORE_PREFIX, attribute_names
from affect_workbench.data.tables.headers import column_names, is_table, require_id_column, require_table
from affect_workbench.workbench.audit.settings import AuditSettings
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.fields import require_accuracy
from affect_workbench.workbench.models.asking.files import is_asked, require_predictions
from affect_workbench.workbench.runs.files import RUN_FILES
from affect_workbench.workbench.runs.gate import audit_gate

_TRUTH = "label"
_OF_PAIRS = ("pair_id", "group_id")
_MOST_LISTED = 20


@writes_out(known=RUN_FILES)
def require_usable(settings: AuditSettings) -> None:
    """Refuses settings that no audit can follow.

    Raises:
        FileExistsError: the run folder exists.
        FileNotFoundError: tables, features or a probe that are not there.
        ValueError: options that do not go together, a value that none may have, or a name that no table has as a column.
    """
    require_accuracy(settings.target_accuracy)
    audit_gate(settings.fail_on)
    for path in (Path(settings.texts), Path(settings.predictions)):
        if path.is_file() and (instead := other_form(path)):
            raise ValueError(instead)
    if settings.texts:
        _require_texts(settings)
        return
    for name in ("text_column", "keep_attribute_words"):
        if getattr(settings, name):
            raise ValueError(f"--{name.replace('_', '-')} goes with --texts")
    if bool(settings.features) == bool(settings.predictions):
        raise ValueError("give either --features with --probe, or --predictions TABLE")
    if settings.features and not settings.probe:
        raise ValueError("--features needs --probe FOLDER to predict with (make one with `workbench train`)")
    if settings.predictions and settings.probe:
        raise ValueError("--probe goes with --features; --predictions are already made")
    if settings.inferred.concept_labels and not settings.inferred.concepts:
        raise ValueError("--concept-labels needs concepts: name them with --concepts")
    given = Path(settings.predictions)
    if settings.predictions and is_asked(given):
        given = require_predictions(given)
    # Any other folder of predictions is a probe's.
    predictions = [given] if settings.predictions and not given.is_dir() and not is_log(given) else []
    tables = [*predictions, *(Path(item) for item in settings.attributes if is_table(Path(item)))]
    for table in tables:
        require_table(table)
    if settings.training_data and is_table(Path(settings.training_data)):
        require_table(Path(settings.training_data))
    if settings.probe:
        require_complete(Path(settings.probe), what="probe")
    for features in (settings.features, settings.training_data):
        if features and not Path(features).exists():
            raise FileNotFoundError(f"no features at {features}: the path does not exist")
    if predictions:
        _require_columns(settings, tables)


_OF_TEXTS = (
    "features",
    "probe",
    "predictions",
    "scores_prefix",
    "votes_prefix",
    "prompt_variants",
    "unseen_only",
    "trained_on",
    "training_data",
    "review_from",
)


def _require_texts(settings: AuditSettings) -> None:
    """Refuses what does not go with texts, and files that are not there."""
    asked = [name for name in _OF_TEXTS if getattr(settings, name)]
    asked += [name for name in ("concepts", "concept_labels") if getattr(settings.inferred, name)]
    asked += [name for name in ("outcomes", "favourable") if getattr(settings.audit, name)]
    if asked:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in asked)
        raise ValueError(f"{flags}: not with --texts, in which nothing is predicted and the outcomes are those of texts")
    if not is_log(Path(settings.texts)):
        require_texts(Path(settings.texts))
    for table in (Path(item) for item in (*settings.attributes, settings.valence) if item and is_table(Path(item))):
        require_table(table)


def nearest_column(name: str, columns: Sequence[str]) -> str:
    """A hint for a name that no column has: the nearest one, or which attributes there are."""
    near = difflib.get_close_matches(name, columns, n=1)
    listed = [column for column in attribute_names(columns) if not column.startswith(SCORE_PREFIX)]
    listed += [column for column in _OF_PAIRS if column in columns and column not in listed]
    return f"did you mean {near[0]}?" if near else f"columns: {', '.join(listed[:_MOST_LISTED]) or 'none'}"


def _require_columns(settings: AuditSettings, tables: Sequence[Path]) -> None:
    """Refuses names that are columns of none of the tables, the first of which holds the predictions."""
    headers = [column_names(table) for table in tables]
    if settings.id_column and headers[0] is not None:
        require_id_column(tables[0], headers[0], settings.id_column)
    if None in headers or settings.inferred.concepts:  # concepts become columns
        return
    names = [name for header in headers for name in header or ()]
    for name, refusal in _asked(settings):
        if name not in names:
            raise ValueError(f"{refusal} {nearest_column(name, names)}")


def _asked(settings: AuditSettings) -> Iterator[tuple[str, str]]:
    """Every name that must be a column, and what to say where it is none."""
    config = settings.audit
    for name in settings.attributes:
        if not is_table(Path(name)):
            yield name, f"no attribute {name!r} in the data:"
    for name in config.adjust_for:
        if name != _TRUTH:
            yield name, f"cannot adjust for {name!r}, which is no column of the data:"
    for name in config.outcomes:
        yield name, f"no outcome {name!r} in the data:"
    for option, names in (("numeric", config.numeric), ("categorical", config.categorical), ("protected", config.protected)):
        for name in names:
            yield name, f"--{option} names {name!r}, which is no column of the data:"
    if settings.pairs:
        yield settings.pairs, f"--pairs {settings.pairs}: there is no such column;"
