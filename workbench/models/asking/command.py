"""How does a model that is asked about pictures become a table of predictions that can be audited?"""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affect_workbench.data.answers.parser import PARSER_VERSION
from affect_workbench.data.answers.prompts import prompts_fingerprint
from affect_workbench.data.answers.table import ANSWERS_FILE, kind_counts
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import atomic_folder, write_json
from affect_workbench.probes.asking.asking import ask_all, with_pictures
from affect_workbench.probes.asking.endpoint import Endpoint
from affect_workbench.probes.asking.questions import Answerer, Plan
from affect_workbench.probes.asking.shards import Shards
from affect_workbench.workbench.interface.claiming import goes_on_in, writes_out
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.asking.answers import AskedPictures, agreement, asked_pictures
from affect_workbench.workbench.models.asking.calling import flag, require_least
from affect_workbench.workbench.models.asking.files import ASK_FILE, PREDICTIONS_FILE, SCHEMA, UNANSWERED_FILE
from affect_workbench.workbench.models.asking.settings import AskSettings
from affect_workbench.workbench.models.asking.summary import expectation, summary
from affect_workbench.workbench.models.asking.task import Task, read_task

if TYPE_CHECKING:
    from affect_workbench.probes.attach.model import MultimodalModel

_SAMPLES = 5
"""Texts a prompt and picture where nothing else says how sure a model is."""
_LOOKED_AT = 3


def ask(settings: AskSettings, *, command: str = "", say: Say = print) -> AskedPictures | None:
    """Asks a model and says what can be done with its answers; see `ask_model`."""
    asked = ask_model(settings, command=command, say=say)
    if asked is not None:
        say(f"wrote {settings.out}; next: workbench audit --predictions {settings.out} -o AUDIT")
    return asked


@writes_out()
def ask_model(
    settings: AskSettings, *, command: str = "", say: Say = print, model: MultimodalModel | None = None
) -> AskedPictures | None:
    """Asks a model about pictures and writes what it answered; see `AskSettings`.

    Args:
        settings: what is asked of whom.
        command: the command line, for the record.
        say: where lines for the reader go.
        model: the model where it is loaded already; loaded as the settings say when not given.

    Returns:
        What was answered; None after a dry run.

    Raises:
        ValueError: settings that do not go together, no labels, no key, a model that cannot be loaded; or no answer names
            a label, after the answers are written.
        EndpointError: the endpoint failed; what was answered is kept.
        FileExistsError: the folder exists.
    """
    require_askable(settings)
    task = read_task(settings, say)
    shards = Shards(Path(settings.out or "answers"), _way(settings, task))
    if settings.calling.dry_run:
        _expect(settings, task, shards, say)
        return None
    way = _endpoint if settings.calling.endpoint else partial(_local, loaded=model)
    with goes_on_in(shards.folder):
        answerer, plan, about = way(settings, task, shards, say)
        questions = task.questions(plan)
        ask_all(questions, answerer, shards, shard=settings.calling.shard(settings.batch))
        asked = asked_pictures(shards.table(), [question.key for question in questions], task.rows, task.taxonomy)
        _write(settings, task, asked, about | {"command": command}, plan)
    shards.remove()
    for line in summary(settings, asked, task.taxonomy):
        say(line)
    if asked.predictions is None:
        raise ValueError(
            f"none of {len(asked.answers):,} answers names one of the labels {', '.join(task.taxonomy.labels)}: there are "
            f"no predictions; the answers are in {Path(settings.out) / ANSWERS_FILE}"
        )
    return asked


def require_askable(settings: AskSettings) -> None:
    """Refuses settings that do not go together, before anything is read.

    Raises:
        ValueError: which, and what to do.
    """
    if settings.labels and settings.taxonomy:
        raise ValueError("give either --labels or --taxonomy")
    require_least(settings, "samples", least=0)
    require_least(settings, "max_tokens", "batch", least=1)
    if settings.temperature < 0 or (settings.samples > 1 and settings.temperature == 0):
        raise ValueError(f"--temperature is {settings.temperature:g}: several texts need one above 0 to differ")
    settings.calling.require_usable(settings.model, longest=settings.max_tokens, temperature=settings.temperature)
    if settings.calling.endpoint:
        for name in ("device_map", "quantization", "attn_implementation", "trust_remote_code"):
            if getattr(settings.loading, name):
                raise ValueError(f"{flag(name)} is about a model in memory: leave it out with --endpoint")


def _way(settings: AskSettings, task: Task) -> dict[str, Any]:
    """What tells answers that may be put together from others; not the parser's version, since texts are parsed anew."""
    own = {name: getattr(settings, name) for name in ("model", "seed", "max_tokens", "temperature")}
    return (
        {**own, "endpoint": settings.calling.endpoint}
        | settings.calling.way(settings.loading)
        | {
            "prompts": prompts_fingerprint(task.prompts),
            "labels": list(task.taxonomy.labels),
            "samples": min(settings.samples, 2),
        }
    )


def _expect(settings: AskSettings, task: Task, shards: Shards, say: Say) -> None:
    known = shards.keys()
    state = shards.state()
    plans = {"": (1, (settings.samples or 1) * settings.free)}
    if settings.calling.endpoint:
        sampled = {"where no log-probabilities come back": (0, settings.samples or _SAMPLES)}
        with_scores = {"where log-probabilities come back": plans[""]}
        plans = with_scores | sampled if not state else with_scores if state.get("probabilities") else sampled
    for case, (scored, generated) in plans.items():
        questions = task.questions(task.plan(settings, scored=scored, generated=generated))
        todo = [question for question in questions if question.key not in known]
        for line in expectation(settings, todo, len(questions) - len(todo), case):
            say(line)


def _endpoint(settings: AskSettings, task: Task, shards: Shards, say: Say) -> tuple[Answerer, Plan, dict[str, Any]]:
    """The endpoint, after it was found out what it returns."""
    given = settings.calling.settings(settings.model, longest=settings.max_tokens, temperature=settings.temperature)
    endpoint = Endpoint(given, task.taxonomy, shards.state() or None)
    first = with_pictures(task.questions(task.plan(settings, scored=1, generated=0))[: _LOOKED_AT * len(task.prompts)])[0]
    known = endpoint.learn(first[:: len(task.prompts)])
    shards.keep(asdict(known))
    if known.probabilities:
        generated = (settings.samples or 1) * settings.free
        say(f"{given.shown} answers as {known.model} and returns log-probabilities: one call a prompt and picture is scored")
    else:
        generated = settings.samples or _SAMPLES
        texts = plural(generated, "text")
        say(f"{given.shown} answers as {known.model} and returns no log-probabilities: {texts} each to be sampled")
    for note in known.notes:
        say(f"note: {note}")
    if generated == 1:
        endpoint = Endpoint(replace(given, temperature=0.0), task.taxonomy, asdict(known))
    plan = task.plan(settings, scored=int(known.probabilities), generated=generated)
    about = {"model": settings.model, "endpoint": given.shown, "answers_as": known.model, "parameters": known.parameters}
    return endpoint, plan, about


def _local(
    settings: AskSettings, task: Task, shards: Shards, say: Say, *, loaded: MultimodalModel | None = None
) -> tuple[Answerer, Plan, dict[str, Any]]:
    """The model in memory, loaded now unless it is already."""
    from affect_workbench.probes.asking.local import LocalModel

    model = loaded or settings.loading.load(settings.model, say)
    fingerprint = model.fingerprint()
    shards.keep_model(settings.model, fingerprint=fingerprint)
    generated = (settings.samples or 1) * settings.free
    answerer = LocalModel(
        model,
        task.taxonomy.labels,
        batch=settings.batch,
        longest=settings.max_tokens,
        temperature=settings.temperature if generated > 1 else 0.0,
        seed=settings.seed,
    )
    say(f"{fingerprint} on {model.device}: {len(task.taxonomy)} label words are scored")
    about = {"model": model.source.name, "revision": model.source.revision, "fingerprint": fingerprint}
    return answerer, task.plan(settings, scored=1, generated=generated), about


def _write(settings: AskSettings, task: Task, asked: AskedPictures, about: dict[str, Any], plan: Plan) -> None:
    counts = {"scored": dict(kind_counts(asked.scored)), "generated": dict(kind_counts(asked.generated))}
    record = {
        "schema": SCHEMA,
        **about,
        "taxonomy": task.taxonomy.as_json(),
        "prompts": {prompt.id: prompt.text for prompt in plan.prompts},
        "prompts_fingerprint": prompts_fingerprint(plan.prompts),
        "parser_version": PARSER_VERSION,
        "scored_runs": plan.scored,
        "generated_runs": plan.generated,
        "temperature": settings.temperature if plan.generated > 1 else 0.0,
        "max_tokens": settings.max_tokens,
        "seed": plan.seed,
        "pictures": len(task.rows),
        "predicted": 0 if asked.predictions is None else len(asked.predictions),
        "kinds": counts,
        "agreement": dict(agreement(asked, task.taxonomy)),
        "tokens_in": asked.tokens_in,
        "tokens_out": asked.tokens_out,
        "cut": asked.cut,
        "notes": list(task.notes),
    }
    with atomic_folder(Path(settings.out), overwrite=settings.overwrite) as partial:
        asked.answers.to_parquet(partial / ANSWERS_FILE)
        if asked.predictions is not None:
            asked.predictions.to_parquet(partial / PREDICTIONS_FILE)
        if len(asked.unanswered):
            asked.unanswered.to_csv(partial / UNANSWERED_FILE, index=False)
        write_json(partial / ASK_FILE, record)
