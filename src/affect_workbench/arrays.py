"""What arrays are called in signatures: `(n,)` codes and masks, `(n, k)` numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
"""Whole numbers that stand for values, -1 for a missing one."""
Positions = npt.NDArray[np.int64]
"""Rows of a table or of an array."""
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.floating]
"""Rows of any precision: features, embeddings, anchors."""
