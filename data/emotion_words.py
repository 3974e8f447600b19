"""Which words do the known label sets consist of, and which other words and spellings mean the same?

Label sets and the WEBEmo roll-up (25 to 6 + confusion to polarity) follow Ekman (1992), Mikels et al. (2005), Parrott (2001)
and Panda et al. (2018, WEBEmo).
"""

from __future__ import annotations

COMMON_ALIASES = {
    "joy": ("happiness", "happy", "joyful"),
    "anger": ("angry",),
    "fear": ("fearful", "scared", "afraid"),
    "sadness": ("sad",),
    "disgust": ("disgusted",),
    "surprise": ("surprised",),
    "contentment": ("content",),
    "excitement": ("excited",),
    "amusement": ("amused",),
}

EKMAN = ("anger", "disgust", "fear", "joy", "sadness", "surprise")
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
