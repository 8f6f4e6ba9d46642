"""Columns as plotly.js takes them: typed arrays in base64, a third of what numbers as text would be. Pure.

Dash encodes arrays of a whole figure by itself, those inside a Patch it does not.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP = 5e-7  # half of the smallest step that readings are stored with, in V, A, W


def packed(values: NDArray[Any], factor: float = 1.0) -> dict[str, str]:
    """Single precision where no digit is lost by it, else double. `factor`: from V, A, W to the unit of the values."""
    single = values.astype(np.float32)
    with np.errstate(invalid="ignore"):
        lossless = not (np.abs(single.astype(np.float64) - values) > STEP * factor).any()
    kind, array = ("f4", single) if lossless else ("f8", values.astype(np.float64))
    return {"dtype": kind, "bdata": base64.b64encode(array.tobytes()).decode()}


def packed_times(values: NDArray[Any]) -> dict[str, str]:
    """Milliseconds: always double, single precision is minutes wrong."""
    return {"dtype": "f8", "bdata": base64.b64encode(values.astype(np.float64).tobytes()).decode()}


def unpacked(column: dict[str, str]) -> NDArray[np.float64]:
    """What was packed."""
    return np.frombuffer(base64.b64decode(column["bdata"]), column["dtype"]).astype(np.float64)
