"""How is the probe of a published table trained, on those of its training sets that are there?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from affect_workbench.data.datasets.published import SETS
from affect_workbench.data.storage.atomic import require_complete
from affect_workbench.data.storage.saved import read_record
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.evaluation.settings import ReproduceSettings
from affect_workbench.workbench.models.training.settings import TrainSettings


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def require_trainable(found: Sequence[_Named], settings: ReproduceSettings) -> None:
    """Refuses, before anything is encoded, what no probe can be trained on.

    Raises:
        ValueError: no folder to write to, or none of the sets that TinyEmo was trained on.
    """
    if not settings.out:
        raise ValueError("without --probe a probe is trained and kept in OUT-probe: give --out, or --probe")
    if not any(SETS[one.name].grey for one in found):
        wanted = ", ".join(item.title for item in SETS.values() if item.grey)
        raise ValueError(
            f"there is no --probe, and none of the sets that TinyEmo was trained on ({wanted}) is under {settings.root}: "
            "give a probe, or put one of them there"
        )


def trained_on_table(paths: Mapping[str, Path], settings: ReproduceSettings, *, say: Say) -> tuple[str, ...]:
    """Trains on the table's training sets together and returns the probe folders, one a seed.

    A probe that an earlier run left in `OUT-probe` by the same settings is taken as it is. Pictures that are measured too
    are not taken out: the table's footnotes count them, and `--unseen-only` leaves them out of what is measured.

    Args:
        paths: features by the set's short name.
        settings: how; `fit`, `seeds` and `out`.
        say: receives lines of text.

    Raises:
        ValueError: the probe that is there was trained otherwise, or see `workbench.models.training.command.train`.
    """
    from affect_workbench.workbench.models.training.command import train

    trained_on = [name for name in paths if SETS[name].grey]
    absent = [item.title for name, item in SETS.items() if item.grey and name not in trained_on]
    titles = ", ".join(SETS[name].title for name in trained_on)
    without = f"; TinyEmo's had {', '.join(absent)} too" if absent else ", as TinyEmo's were"
    out = Path(settings.out)
    place = out.with_name(f"{out.name}-probe")
    if place.exists() and not settings.overwrite:
        require_complete(place, what="probe")
        _require_same(place, settings, len(trained_on))
        say(f"using the probe trained before: {place}")
    else:
        say(f"training a probe on {titles}{without}")
        train(
            TrainSettings(
                features=str(paths[trained_on[0]]),
                taxonomy=SETS[trained_on[0]].taxonomy,
                out=str(place),
                seeds=settings.seeds,
                extra_features=tuple(str(paths[name]) for name in trained_on[1:]),
                extra_taxonomies=tuple(SETS[name].taxonomy for name in trained_on[1:]),
                encoder=settings.encoder or "unknown",
                allow_overlap=True,
                overwrite=settings.overwrite,
                fit=settings.fit,
            ),
            say=say,
        )
    if settings.seeds == 1:
        return (str(place),)
    return tuple(str(place / "seeds" / str(settings.fit.seed + number)) for number in range(settings.seeds))


def _require_same(place: Path, settings: ReproduceSettings, sets: int) -> None:
    """Refuses a finished probe of other settings, sets or seeds."""
    record = read_record(place / "metrics.json", otherwise="pass --overwrite to train it again")
    training = record.record("training").values if "training" in record else {}
    same = all(training.get(name) == value for name, value in asdict(settings.fit).items())
    seeds = len(record.numbers("seed_accuracies")) if "seed_accuracies" in record else 1
    taxonomies = training.get("taxonomies")
    if not (same and seeds == settings.seeds and isinstance(taxonomies, list) and len(taxonomies) == sets):
        raise ValueError(
            f"the probe at {place} was trained with other settings, sets or seeds: pass --overwrite to train it "
            f"again, --probe {place} to use it as it is, or choose another --out"
        )
