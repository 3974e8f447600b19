"""Which words do the known label sets consist of, and which other words and spellings mean the same?

Label sets and the WEBEmo roll-up (25 to 6 + confusion to polarity) follow Ekman (1992), Mikels et al. (2005), Parrott (2001)
and Panda et al. (2018, WEBEmo).
"""

from __future__ import annotations

COMMON_ALIASES: dict[str, tuple[str, ...]] = {
    "joy": ("happiness", "happy", "joyful"),
    "anger": ("angry",),
    "fear": ("fearful", "scared", "afraid"),
    "sadness": ("sad",),
    "disgust": ("disgusted",),
    "surprise": ("surprised",),
    "contempt": ("contemptuous",),
    "neutral": ("neutrality",),
    "contentment": ("content", "contented"),
    "excitement": ("excited",),
    "amusement": ("amused",),
    "awe": ("awed",),
    "affection": ("affectionate",),
    "annoyance": ("annoyed",),
    "boredom": ("bored",),
    "calm": ("calmness",),
    "cheerfulness": ("cheerful", "cheerfullness"),
    "confidence": ("confident",),
    "confusion": ("confused", "doubt/confusion"),
    "disappointment": ("disappointed",),
    "embarrassment": ("embarrassed",),
    "envy": ("envious",),
    "gratitude": ("grateful",),
    "irritability": ("irritable", "irritabilty"),
    "nervousness": ("nervous",),
    "optimism": ("optimistic",),
    "peace": ("peaceful",),
    "pride": ("proud",),
    "relief": ("relieved",),
    "shame": ("ashamed",),
}
"""Word -> other words and spellings that data sets and models use for the same label.

Noun and adjective of one feeling (FER2013, DeepFace and Rekognition say `happy`, RAF-DB and Azure `happiness`, Emotion6
`joy`), EMOTIC's pairs, and the folder spellings of WEBEmo. Neighbours are not the same: `calm` is not neutral.
"""

EKMAN = ("anger", "disgust", "fear", "joy", "sadness", "surprise")
FER = (*EKMAN, "neutral")
AFFECTNET = (*FER, "contempt")
MIKELS = ("amusement", "awe", "contentment", "excitement", "anger", "disgust", "fear", "sadness")
PARROTT = ("anger", "fear", "joy", "love", "sadness", "surprise")
WEBEMO_GROUPS: dict[str, tuple[str, ...]] = {
    "love": ("affection", "gratitude", "lust"),
    "joy": ("cheerfulness", "contentment", "enthrallment", "optimism", "pride", "relief", "zest"),
    "surprise": ("surprise",),
    "anger": ("disgust", "envy", "exasperation", "irritability", "rage"),
    "sadness": ("disappointment", "neglect", "sadness", "shame", "suffering", "sympathy"),
    "fear": ("horror", "nervousness"),
    "confusion": ("confusion",),
}
WEBEMO_POLARITY = {"love": 1, "joy": 1, "surprise": 1, "anger": -1, "sadness": -1, "fear": -1, "confusion": -1}
WEBEMO_PARENT = {label: group for group, labels in WEBEMO_GROUPS.items() for label in labels}
WEBEMO = tuple(sorted(WEBEMO_PARENT))

EKMAN_POLARITY = dict.fromkeys(("anger", "disgust", "fear", "sadness"), -1) | {"joy": 1, "surprise": 0}
AFFECTNET_POLARITY = EKMAN_POLARITY | {"neutral": 0, "contempt": -1}
MIKELS_POLARITY = dict.fromkeys(("amusement", "awe", "contentment", "excitement"), 1)
MIKELS_POLARITY |= dict.fromkeys(("anger", "disgust", "fear", "sadness"), -1)
WORD_POLARITY = (
    {label: WEBEMO_POLARITY[parent] for label, parent in WEBEMO_PARENT.items()}
    | {label: WEBEMO_POLARITY[label] for label in PARROTT}
    | {"positive": 1, "negative": -1}
    | MIKELS_POLARITY
    | AFFECTNET_POLARITY
)
"""Word -> polarity in a label set of one's own: the same word has the same polarity whatever stands beside it.

A named taxonomy keeps the polarity it was published with. Only `surprise` differs between those: WEBEmo's authors count
it as positive, Ekman's is neither (it may be of good or of bad things), and this one counts here, as in ekman6.
"""

BASIC_SYNONYMS = {
    "anger": ("fury", "outrage", "hostility"),
    "disgust": ("revulsion", "repulsion", "loathing"),
    "fear": ("fright", "terror", "dread"),
    "joy": ("delight", "elation", "gladness"),
    "sadness": ("sorrow", "grief", "melancholy"),
    "surprise": ("astonishment", "amazement", "shock"),
    "love": ("tenderness", "fondness", "adoration"),
    "amusement": ("hilarity", "fun", "mirth"),
    "awe": ("wonder", "reverence", "veneration"),
    "contentment": ("serenity", "satisfaction", "calm"),
    "excitement": ("thrill", "exhilaration", "eagerness"),
}
WEBEMO_SYNONYMS = {
    "affection": ("fondness", "tenderness", "devotion"),
    "cheerfulness": ("cheer", "gladness", "merriment"),
    "confusion": ("bewilderment", "puzzlement", "perplexity"),
    "contentment": ("satisfaction", "serenity", "ease"),
    "disappointment": ("letdown", "dismay", "discouragement"),
    "disgust": ("revulsion", "repulsion", "loathing"),
    "enthrallment": ("fascination", "captivation", "rapture"),
    "envy": ("jealousy", "resentment", "covetousness"),
    "exasperation": ("frustration", "vexation", "aggravation"),
    "gratitude": ("thankfulness", "appreciation", "gratefulness"),
    "horror": ("terror", "fright", "dread"),
    "irritability": ("irritation", "annoyance", "grumpiness"),
    "lust": ("desire", "passion", "craving"),
    "neglect": ("loneliness", "rejection", "isolation"),
    "nervousness": ("anxiety", "worry", "tension"),
    "optimism": ("hope", "hopefulness", "confidence"),
    "pride": ("triumph", "dignity", "achievement"),
    "rage": ("fury", "wrath", "outrage"),
    "relief": ("reassurance", "respite", "comfort"),
    "sadness": ("sorrow", "grief", "melancholy"),
    "shame": ("guilt", "embarrassment", "humiliation"),
    "suffering": ("agony", "anguish", "pain"),
    "surprise": ("astonishment", "amazement", "shock"),
    "sympathy": ("compassion", "pity", "empathy"),
    "zest": ("enthusiasm", "excitement", "thrill"),
}

EMOTIC = (
    "affection",
    "anger",
    "annoyance",
    "anticipation",
    "aversion",
    "confidence",
    "disapproval",
    "disconnection",
    "disquietment",
    "doubt/confusion",
    "embarrassment",
    "engagement",
    "esteem",
    "excitement",
    "fatigue",
    "fear",
    "happiness",
    "pain",
    "peace",
    "pleasure",
    "sadness",
    "sensitivity",
    "suffering",
    "surprise",
    "sympathy",
    "yearning",
)
_GO_EMOTIONS = (
    "admiration",
    "amusement",
    "anger",
    "annoyance",
    "approval",
    "caring",
    "confusion",
    "curiosity",
    "desire",
    "disappointment",
    "disapproval",
    "disgust",
    "embarrassment",
    "excitement",
    "fear",
    "gratitude",
    "grief",
    "joy",
    "love",
    "nervousness",
    "optimism",
    "pride",
    "realization",
    "relief",
    "remorse",
    "sadness",
    "surprise",
    "neutral",
)
_OTHERS = ("something else", "other", "trust", "interest", "calm", "boredom", "positive", "negative")
EMOTION_WORDS = frozenset(
    {*AFFECTNET, *MIKELS, *PARROTT, *WEBEMO, *WEBEMO_GROUPS, *EMOTIC, *_GO_EMOTIONS, *_OTHERS, *COMMON_ALIASES}
    | {word for words in (*BASIC_SYNONYMS.values(), *WEBEMO_SYNONYMS.values()) for word in words}
) - {"confidence"}
"""Words that are labels somewhere: of the taxonomies here, EMOTIC, GoEmotions and ArtEmis, and their synonyms.

Not `confidence`: as a column it is more often a number about a prediction than EMOTIC's feeling.
"""
