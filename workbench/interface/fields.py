"""What is a setting made of, and which settings mean the same wherever they are asked for?

Every call gives a field of its own: a dataclass writes its name into it.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

TAXONOMIES = "ekman6, fer7, affectnet8, mikels8, parrott6, webemo25, polarity, or a .toml file of your own"


def option(default: Any, text: str, **more: Any) -> Any:
    """A field whose `text` is the command line's help; `more` is for `interface.options` (required, many, was)."""
    return field(default=default, metadata={"help": text, **more})


def path_option(default: Any, text: str, **more: Any) -> Any:
    """The same for files and folders."""
    return option(default, text, path=True, **more)


def features(*, instead: str = "") -> Any:
    """Features that a command cannot do without, unless the setting named by `instead` is given."""
    text = "feature folder, TinyEmo tree, or a table beside an .npy"
    return (
        path_option("", f"{text}; or --{instead}", required=True, instead=instead)
        if instead
        else path_option("", text, required=True)
    )


def encoder() -> Any:
    """The name of what made features that come without it."""
    return option("unknown", "encoder of the features, where the data do not name it")


def id_column() -> Any:
    """Where a table of features keeps its ids."""
    return option("", "id column, where the features are a table")


def columns_prefix(what: str) -> Any:
    """What the columns of scores, or of votes, begin with in a table of predictions."""
    return option("", f"prefix of the {what} columns in --predictions")


def taxonomy() -> Any:
    """Labels, where the data may say them as well."""
    return option("", f"{TAXONOMIES}; default: the labels found in the data")


def prompts() -> Any:
    """The words in which a model is asked."""
    return path_option("", 'TOML file of prompts, name = "question with {options}"; default: six, three list the options')


def unseen_only() -> Any:
    """Whether pictures that trained the probe are left out."""
    return option(False, "leave out pictures that the probe was trained on, and near-duplicates of them")


def trained_on() -> Any:
    """Where near-duplicates of training pictures are looked for."""
    return path_option(
        (), "features of the probe's training pictures, where they have moved, to find near-duplicates of them", many=True
    )


def target_accuracy() -> Any:
    """The accuracy at which coverage is reported."""
    return option(
        0.9,
        "accuracy to reach by leaving uncertain pictures unanswered; reports how many pictures can be answered",
        was="answer_at",
    )


def require_accuracy(target_accuracy: float) -> None:
    """Refuses an accuracy that nobody can ask for.

    Raises:
        ValueError: not between 0 and 1.
    """
    if not 0 < target_accuracy < 1:
        raise ValueError(f"--target-accuracy is {target_accuracy:g}: expected an accuracy above 0 and below 1, e.g. 0.9")


def picture_workers() -> Any:
    """How many processes open pictures."""
    return option(-1, "processes that open pictures; -1: one per core, 0: none")


def allow_outside() -> Any:
    """Whether relative paths and links may lead out of a data set's folder."""
    return option(
        False,
        "also read pictures outside of the data set's folder that relative paths or links lead to; absolute paths are "
        "always read",
    )


def finished_run() -> Any:
    """The run folder that a command takes as its first argument."""
    return option("", "run folder", required=True, positional=True)


def probe_out() -> Any:
    """The folder of a probe that is made."""
    return path_option("", "probe folder to write", required=True, short="-o")


def overwrite(what: str = "the folder") -> Any:
    """Whether what is there may be replaced; without it a command refuses."""
    return option(False, f"replace {what} if it exists")
