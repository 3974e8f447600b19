"""How does a multimodal LLM that is tapped become answers, features, an answer probe and what it may be trusted with?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect_workbench.data.answers.prompts import OPTIONS, Prompt
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions, predictions_from_table
from affect_workbench.data.storage.atomic import atomic_folder, write_json
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.tables.read import table_of
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.datasets.command import current_manifest
from affect_workbench.workbench.interface.claiming import goes_on_in, writes_out
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.asking.command import ask_model
from affect_workbench.workbench.models.asking.files import PREDICTIONS_FILE as ASKED_PREDICTIONS
from affect_workbench.workbench.models.asking.files import asked_notes, asked_record, is_asked, require_predictions
from affect_workbench.workbench.models.asking.settings import AskSettings
from affect_workbench.workbench.models.asking.task import read_task, require_free_names
from affect_workbench.workbench.models.attaching.erasing import Asked, causal_sentences, causal_tables
from affect_workbench.workbench.models.attaching.files import (
    ANSWERS,
    ATTACH_FILE,
    FEATURES,
    PREDICTIONS_FILE,
    PROBABILITIES_FILE,
    PROJECTOR,
    SCHEMA,
)
from affect_workbench.workbench.models.attaching.probes import TapProbes, read_places
from affect_workbench.workbench.models.attaching.projector import Projected, place_of_probe, projected_predictions
from affect_workbench.workbench.models.attaching.settings import AttachSettings

if TYPE_CHECKING:
    from affect_workbench.probes.attach.model import MultimodalModel
    from affect_workbench.probes.attach.recording import Recorded
    from affect_workbench.probes.attach.tap import Tap
    from affect_workbench.probes.attach.taps import Place

_DEFAULT_LAYERS = 3
_MOST_NAMED = 5
_CHOSEN = (
    "the place was chosen among {} for its agreement with the answers to these pictures, which makes its fidelity a little "
    "optimistic; --audited names a place beforehand"
)
ASKING = ("model", "pictures", "labels", "taxonomy", "prompts", "split", "seed", "batch", "allow_outside", "loading")
"""Settings that mean the same for `ask`."""


@dataclass(frozen=True)
class Attached:
    """What was made.

    Attributes:
        probes: of all places, and which of them is audited.
        causal: what erasing did; None where nothing was erased.
        projected: what the user's own probe says; None without one.
    """

    probes: TapProbes
    causal: pd.DataFrame | None = None
    projected: Projected | None = None

    @property
    def predictions(self) -> pd.DataFrame:
        """Those of the answer probe, as they are audited."""
        return self.probes.predictions()


def attach(settings: AttachSettings, *, command: str = "", say: Say = print) -> Attached | None:
    """Taps a model and writes what was found; see `AttachSettings`.

    Returns:
        What was made; None where only families or a size were asked for.

    Raises:
        ValueError: settings that do not go together; a model that cannot be loaded; no such place; answers of another model.
        FileExistsError: the folder exists.
    """
    if settings.list_families:
        from affect_workbench.workbench.models.attaching.listing import families_in_words

        say(families_in_words())
        return None
    if settings.size:
        say(f"{settings.model}: {_tap(settings).size}")
        return None
    missing = [flag for flag, value in (("--pictures", settings.pictures), ("-o", settings.out)) if not value]
    if missing:
        raise ValueError(f"missing {' and '.join(missing)}")
    if settings.random_directions < 20 and settings.erase:
        raise ValueError(f"--random-directions is {settings.random_directions}: expected at least 20, to compare with")
    decided = [f"--{name}" for name in ("labels", "taxonomy", "prompts") if getattr(settings, name)]
    if settings.answers and decided:
        raise ValueError(
            f"{' and '.join(decided)} given beside --answers: the answers in {settings.answers} already have their own "
            f"labels and prompts; leave out {' and '.join(decided)}"
        )
    return _attach(settings, command=command, say=say)


@writes_out()
def _attach(settings: AttachSettings, *, command: str, say: Say) -> Attached:
    from affect_workbench.probes.attach.taps import checked_places

    work = Path(f"{settings.out}.attaching")
    with goes_on_in(work), _tap(settings, model=settings.loading.load(settings.model, say)) as tap:
        say(_size_line(tap))
        places = checked_places(tap.model, settings.at or _default_places(tap.places))
        _require_possible(settings, tap, tuple(map(str, places)))
        if settings.probe:
            _require_fitting(settings, tap, places, work)
        answers = _answers(settings, tap, work, say)
        recorded = _recorded(settings, tap, answers, work, places=tuple(map(str, places)), say=say)
        features = next(iter(recorded.features.values()))
        said = _answered(answers, features)
        probes = read_places(
            tap, recorded.features, said, audited=settings.audited, projector=settings.projector, seed=settings.seed
        )
        for line in probes.in_words():
            say(line)
        projected = projected_predictions(settings, recorded.features, said) if settings.probe else None
        if projected is not None:
            say(projected.in_words())
        causal = None
        if settings.erase:
            causal = causal_tables(settings, tap, said, _asked(answers), kept=work / "erasing")
            for line in causal_sentences(causal):
                say(line)
        made = Attached(probes, causal, projected)
        record = _record(settings, tap, made, recorded, answers, command=command)
    with atomic_folder(Path(settings.out), overwrite=settings.overwrite) as folder:
        _write(made, record, folder, answers=answers, work=work)
    shutil.rmtree(work, ignore_errors=True)
    say(f"wrote {settings.out}; next: workbench audit --predictions {settings.out} -o AUDIT")
    return made


def _require_possible(settings: AttachSettings, tap: Tap, places: tuple[str, ...]) -> None:
    """Refuses what would only be found out after the model was asked about every picture.

    Raises:
        ValueError: an audited place that is not tapped, attention that the model does not give, an attribute that is not
            there, a place where nothing can be erased, or answers of another model.
    """
    if settings.answers:
        _require_own(Path(settings.answers), tap)
    if settings.audited and settings.audited not in places:
        raise ValueError(f"--audited {settings.audited!r} is not tapped: expected one of {', '.join(places)}")
    if any(place.endswith(":attention") for place in places) and tap.model.model.config._attn_implementation != "eager":
        raise ValueError("pooling by attention needs the attention weights: give --attn-implementation eager")
    manifest = current_manifest(Path(settings.pictures), lambda line: None, allow_outside=settings.allow_outside)
    require_free_names(manifest.rows)
    lacking = [name for name in settings.erase if name not in attribute_columns(manifest.rows)]
    if lacking:
        known = ", ".join(attribute_columns(manifest.rows)) or "none"
        raise ValueError(f"--erase {lacking[0]!r} is no attribute of the pictures: expected one of {known}")
    if settings.erase:
        from affect_workbench.probes.attach.erasing import require_erasable

        require_erasable(tap.model, settings.erase_at)


def _require_own(answers: Path, tap: Tap) -> None:
    """Refuses what holds no answers of this model.

    Raises:
        ValueError: why.
    """
    if not is_asked(answers):
        raise ValueError(f"{answers} holds no answers of workbench ask")
    given, own = asked_record(answers).values.get("fingerprint"), tap.model.fingerprint()
    if given != own:
        raise ValueError(
            f"{answers} holds answers of {given or 'a model behind an endpoint'}, this model is {own}: a probe speaks "
            "for the model that gave the answers; ask this one, or leave out --answers"
        )


def _require_fitting(settings: AttachSettings, tap: Tap, places: Sequence[Place], work: Path) -> None:
    """Refuses a probe that fits at no place that is to be tapped.

    Raises:
        ValueError: see `place_of_probe`.
    """
    from affect_workbench.probes.attach.recording import place_widths, spec_of
    from affect_workbench.probes.checkpoint import load_probe

    read, widths = load_probe(settings.probe).spec, place_widths(tap.model)
    answers = _answers_folder(settings, work)
    if is_asked(answers):
        question = tapped_question(answers)
    else:
        task = read_task(_asking(settings, answers), lambda line: None)
        question = _tapped_question([prompt.text for prompt in task.prompts], task.taxonomy.labels)
    tapped = {str(place): spec_of(tap.model, place, widths[place.where], question) for place in places}
    place_of_probe(settings, read, tapped, widths)


def _tap(settings: AttachSettings, *, model: MultimodalModel | None = None) -> Tap:
    from affect_workbench.probes.attach.tap import Tap

    return Tap(settings.loading.source(settings.model), model=model)


def _size_line(tap: Tap) -> str:
    return f"{tap.source.name} ({tap.model.structure.family}, {tap.model.fingerprint()}) on {tap.model.device}"


def _default_places(places: tuple[str, ...]) -> tuple[str, ...]:
    """Both ends of the connector, some layers evenly spread, and what the output head reads."""
    layers = [place for place in places if place.startswith("layers.")]
    step = max(len(layers) // (_DEFAULT_LAYERS + 1), 1)
    chosen = {*layers[step::step][:_DEFAULT_LAYERS], "connector.in", "connector.out", "last"}
    return tuple(place for place in places if place in chosen)


def _answers(settings: AttachSettings, tap: Tap, work: Path, say: Say) -> Path:
    """The folder of answers: the one that is given, or one made now."""
    folder = _answers_folder(settings, work)
    if not settings.answers and not (folder / ASKED_PREDICTIONS).is_file():
        ask_model(_asking(settings, folder), say=say, model=tap.model)
    require_predictions(folder)
    return folder


def _answers_folder(settings: AttachSettings, work: Path) -> Path:
    return Path(settings.answers) if settings.answers else work / ANSWERS


def _asking(settings: AttachSettings, folder: Path) -> AskSettings:
    return AskSettings(out=str(folder), **{name: getattr(settings, name) for name in ASKING})


def _recorded(
    settings: AttachSettings, tap: Tap, answers: Path, work: Path, *, places: tuple[str, ...], say: Say
) -> Recorded:
    """What the places hold for the pictures that the model answered."""
    from affect_workbench.probes.attach.recording import record_pictures

    manifest = current_manifest(Path(settings.pictures), lambda line: None, allow_outside=settings.allow_outside)
    answered = pd.read_parquet(answers / ASKED_PREDICTIONS)
    rows = manifest.rows[manifest.rows["image_id"].isin(answered["image_id"])].reset_index(drop=True)
    if "content" in answered:
        asked = answered.set_index("image_id")["content"].reindex(rows["image_id"]).to_numpy()
        changed = rows["content"].to_numpy() != asked
        if changed.any():
            say(
                f"warning: {plural(int(changed.sum()), 'picture')} changed after the model was asked, first "
                f"{rows['path'][changed].iloc[0]}: left out; ask again"
            )
            rows = rows[~changed].reset_index(drop=True)
    if rows.empty:
        raise ValueError(f"none of the pictures of {settings.pictures} was answered in {answers}: are these its pictures?")
    recorded = record_pictures(
        tap.model,
        replace(manifest, rows=rows),
        places,
        out=work / FEATURES,
        question=tapped_question(answers),
        batch=settings.batch,
    )
    for row in recorded.unreadable.head(_MOST_NAMED).itertuples():
        say(f"warning: skipped {row.path}: {row.reason}")
    say(f"tapped {', '.join(recorded.features)}: {recorded.new:,} pictures now, {recorded.reused:,} reused")
    return recorded


def _asked(answers: Path) -> Asked:
    """In which words the model was asked."""
    record = asked_record(answers)
    prompts = tuple(Prompt(name, str(text)) for name, text in record.record("prompts").values.items())
    return Asked(record.record("taxonomy").texts("labels"), prompts, tapped_question(answers))


def tapped_question(answers: Path) -> str:
    """The prompt that a model is tapped with: the first that lists no options, else the first with the labels in order."""
    record = asked_record(answers)
    texts = [str(text) for text in record.record("prompts").values.values()]
    return _tapped_question(texts, record.record("taxonomy").texts("labels"))


def _tapped_question(texts: Sequence[str], labels: Sequence[str]) -> str:
    open_ones = [text for text in texts if OPTIONS not in text]
    return (open_ones or texts)[0].replace(OPTIONS, ", ".join(labels))


def _answered(answers: Path, features: FeatureSet) -> Predictions:
    """What the model answered to the pictures of the features, in their order, with paths that open."""
    record = asked_record(answers)
    rows = table_of(require_predictions(answers)).rows.set_index("image_id").loc[features.rows["image_id"]].reset_index()
    taxonomy = Taxonomy.from_json(record.record("taxonomy").values)
    rows = rows.assign(path=features.rows["path"].to_numpy())
    return predictions_from_table(rows, taxonomy=taxonomy, source=record.text("model"))


def _write(made: Attached, record: Mapping[str, Any], folder: Path, *, answers: Path, work: Path) -> None:
    """Everything into a folder that does not have its name yet; features are moved there, not copied."""
    if answers == work / ANSWERS:
        os.replace(answers, folder / ANSWERS)
    else:
        shutil.copytree(answers, folder / ANSWERS)
    os.replace(work / FEATURES, folder / FEATURES)
    made.predictions.to_parquet(folder / PREDICTIONS_FILE)
    made.probes.table().to_parquet(folder / PROBABILITIES_FILE)
    made.probes.layers.to_parquet(folder / "layers.parquet")
    if made.causal is not None:
        made.causal.to_parquet(folder / "causal.parquet")
    if made.projected is not None:
        made.projected.write(folder / PROJECTOR)
    write_json(folder / ATTACH_FILE, record)


def _record(
    settings: AttachSettings, tap: Tap, made: Attached, recorded: Recorded, answers: Path, *, command: str
) -> dict[str, Any]:
    from affect_workbench.probes.attach.taps import Place

    probes, model = made.probes, tap.model
    notes = [
        f"predictions are those of a probe of {probes.audited} in {tap.source.name}, fitted on the model's own answers to "
        "other pictures (cross-fitted); the model is unchanged",
        *([] if settings.audited or len(probes.probes) == 1 else [_CHOSEN.format(len(probes.probes))]),
        *asked_notes(answers),
    ]
    if len(recorded.unreadable):
        notes.append(f"{plural(len(recorded.unreadable), 'picture')} could not be read: not tapped")
    return {
        "schema": SCHEMA,
        "model": tap.source.name,
        "revision": tap.source.revision,
        "fingerprint": model.fingerprint(),
        "family": model.structure.family,
        "command": command,
        "question": tapped_question(answers),
        "pictures": len(made.predictions),
        "places": {place: Place.parse(place).folder for place in recorded.features},
        "audited": probes.audited,
        "chosen": not settings.audited,
        "agreement": dict(probes.agreement),
        "probe": settings.probe,
        "probe_at": "" if made.projected is None else made.projected.place,
        "probe_notes": [] if made.projected is None else list(made.projected.notes),
        "erased": list(settings.erase),
        "erased_at": settings.erase_at if settings.erase else "",
        "notes": notes,
    }
