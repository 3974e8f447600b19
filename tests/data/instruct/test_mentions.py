"""Is every way to say a value found, the longest first, and nothing that stands for several values or is negated?"""

from __future__ import annotations

from affect_workbench.data.instruct.mentions import Mention, Mentions
from affect_workbench.data.instruct.vocabulary import Vocabulary, scenes_vocabulary


def test_every_way_to_say_a_value_of_the_drawn_world_mentions_it_alone():
    words, mentions = scenes_vocabulary().words, Mentions(scenes_vocabulary())
    for name, values in words.items():
        for value, ways in values.items():
            for way in ways:
                for text in (way, f"{way.removeprefix('and ').capitalize()}.", f"It is {way}, I think."):
                    assert [(one.attribute, one.value) for one in mentions.of(text)] == [(name, value)], text


def test_the_longest_counts_what_is_negated_does_not_and_what_is_ambiguous_is_none():
    words = {"sky": {"grey": ("grey sky", "dull"), "dark": ("dark grey sky",)}, "mood": {"low": ("dull", "low mood")}}
    mentions = Mentions(Vocabulary(words, {}))
    assert mentions.of("A dark grey sky.") == [Mention("sky", "dark", "dark grey sky")]
    assert mentions.of("A dull day, no grey sky, without any low mood") == []
    assert mentions.of("Under a Grey Sky in low mood") == [
        Mention("sky", "grey", "grey sky"),
        Mention("mood", "low", "low mood"),
    ]
    assert Mentions(None).of("A dog.") == []
