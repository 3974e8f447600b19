"""How do words become numbers without a vocabulary file? By a fixed hash of each word."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

VOCABULARY = 4_096
CONTEXT = 40
_START, _END = VOCABULARY - 2, VOCABULARY - 1
_WORD = re.compile(r"[a-z0-9]+")


class HashingTokenizer:
    """Words -> ids 1 to 4,093 by CRC-32; 0 pads.

    The end token has the largest id because open_clip reads a text's vector at the largest id in it.
    """

    context_length = CONTEXT

    def encode(self, text: str) -> list[int]:
        """The ids of all words of a text, however many; without start and end."""
        return [1 + zlib.crc32(word.encode()) % (VOCABULARY - 3) for word in _WORD.findall(text.lower())]

    def __call__(self, texts: str | Sequence[str], context_length: int | None = None) -> Tensor:
        """Token ids `(t, context_length)`; words beyond the context are cut off.

        `probes.encoders.vision` refuses such texts before.
        """
        length = context_length or self.context_length
        texts = [texts] if isinstance(texts, str) else texts
        tokens = torch.zeros(len(texts), length, dtype=torch.long)
        for row, text in enumerate(texts):
            ids = [_START, *self.encode(text)[: length - 2], _END]
            tokens[row, : len(ids)] = torch.tensor(ids)
        return tokens
