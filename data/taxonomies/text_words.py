"""Which words of running text speak of an emotion, and how pleasant is each?

`data.taxonomies.words` lists what label sets call an emotion, mostly nouns; texts say it in adjectives and verbs as well
(gloomy, frightened, scares). Each word belongs to one emotion here. Words that mostly mean something else in a description
(content, fun, interest, wonder, shock, touching) are left out: a word too few is a smaller error than one in every text.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from affect_workbench.data.taxonomies.words import BASIC_SYNONYMS, COMMON_ALIASES, WORD_POLARITY

_FORMS = {
    "amusement": "amuse amused amusing comic comical entertained entertaining funny hilarious humorous humor humour playful "
    "playfulness silly whimsical",
    "anger": "aggravation aggressive aggression angered annoyance annoyed annoying enraged envious envy exasperated "
    "exasperation frustrated frustrating frustration furious hateful hatred hate hostile indignant irate irritability "
    "irritable irritated irritating irritation jealous jealousy mad outraged rage resentful resentment vexation wrath",
    "awe": "admiration admire admiring astounding awesome awestruck breathtaking magnificent majestic reverent wondrous",
    "contempt": "contemptuous contemptible despise despised disdain disdainful scorn scornful",
    "contentment": "appreciation calm calming calmness comfort comfortable comforting contented cosy cozy ease grateful "
    "gratefulness gratitude harmonious harmony peace peaceful peacefulness reassurance reassuring relaxation relaxed "
    "relaxing relief relieved respite restful satisfied satisfying serene soothing thankful thankfulness tranquil "
    "tranquility tranquillity",
    "disgust": "aversion disgusted disgusting gross nauseating repelled repellent repugnant repulsive revolted revolting",
    "excitement": "anticipation eager energetic enthusiasm enthusiastic excited exciting exhilarated exhilarating thrilled "
    "thrilling zest",
    "fear": "afraid alarmed alarming anxiety anxious apprehension apprehensive creepy dreadful eerie fearful foreboding "
    "frightened frightening frightful horrified horrifying horror menacing nervous nervousness ominous panic scared scary "
    "sinister spooky terrified terrifying threatening uneasy unease unsettling worried worry worrying",
    "joy": "blissful bliss cheer cheerful cheerfulness cheery delighted delightful ecstatic elated enjoyable enjoying "
    "enjoyment enthrallment festive glad gleeful glee happily happiness happy hope hopeful hopefulness joyful joyous jolly "
    "jubilant merriment merry optimism optimistic overjoyed pleasure pride proud rapture triumphant uplifting",
    "love": "adore adored adoring affection affectionate beloved caring compassion compassionate devoted devotion empathy "
    "loved loving passionate passion romance romantic sympathetic sympathy tender",
    "sadness": "agony anguish anguished bleak dejected depressed depressing depression despair desolate desolation "
    "despondent disappointed disappointing disappointment dismal dismay downcast dreary forlorn gloom gloomy grieving grim "
    "guilt guilty heartbreaking heartbroken hopeless humiliation hurt isolation lonely loneliness lonesome melancholic "
    "miserable misery mournful mourning neglect neglected pitiful pity remorse sad saddened saddening shame ashamed "
    "somber sombre sorrowful suffering tearful tragic unhappiness unhappy woeful",
    "surprise": "amazed amazing astonished astonishing astounded shocked shocking startled startling stunned surprised "
    "surprising",
}
_ELSEWHERE = frozenset({"content", "fun", "wonder", "shock", "thrill"})
"""Names of emotions in label sets that are mostly other words in running text."""


def _emotion_words() -> dict[str, str]:
    found: dict[str, str] = {}
    for emotion, forms in _FORMS.items():
        named = (emotion, *COMMON_ALIASES.get(emotion, ()), *BASIC_SYNONYMS.get(emotion, ()))
        for word in (*(word for word in named if word not in _ELSEWHERE), *forms.split()):
            if found.setdefault(word, emotion) != emotion:
                raise ValueError(f"{word!r} is a word of both {found[word]} and {emotion}")
    return found


EMOTION_OF_WORD: Mapping[str, str] = MappingProxyType(_emotion_words())
"""Word -> one of twelve emotions: those of Ekman, Mikels and Parrott, and contempt."""
TEXT_EMOTIONS = tuple(_FORMS)
POLARITY_OF_WORD: Mapping[str, int] = MappingProxyType(
    {word: WORD_POLARITY[emotion] for word, emotion in EMOTION_OF_WORD.items()}
)
"""Word -> the polarity of its emotion; surprise is neither pleasant nor unpleasant."""
