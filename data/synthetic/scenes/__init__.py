"""Which small world of drawn pictures has causes that are all known: contents, captions, emotions, and a planted bias?"""

from affect_workbench.data.synthetic.scenes.canvas import SIZE
from affect_workbench.data.synthetic.scenes.captions import captions, prompts
from affect_workbench.data.synthetic.scenes.draw import draw, region
from affect_workbench.data.synthetic.scenes.emotions import AnnotatorBias, annotate, bayes_accuracy, emotion_probabilities
from affect_workbench.data.synthetic.scenes.pairs import paired_scenes
from affect_workbench.data.synthetic.scenes.world import ATTRIBUTES, NOT_SHOWN, sample_scenes

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
    "paired_scenes",
    "prompts",
    "region",
    "sample_scenes",
]
