"""A small world of drawn pictures whose every cause is known: contents, captions, emotions, and planted bias."""

from data.scenes.canvas import SIZE
from data.scenes.captions import captions, prompts
from data.scenes.draw import draw
from data.scenes.emotions import AnnotatorBias, annotate, bayes_accuracy, emotion_probabilities
from data.scenes.world import ATTRIBUTES, NOT_SHOWN, sample_scenes

__all__ = [
    "ATTRIBUTES",
    "NOT_SHOWN",
    "SIZE",
    "AnnotatorBias",
    "annotate",
    "bayes_accuracy",
    "captions",
    "draw",
    "emotion_probabilities",
    "prompts",
    "sample_scenes",
]
