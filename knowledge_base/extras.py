"""What may be installed beside, and what it costs."""

from __future__ import annotations

import importlib.util
from typing import Final

OCR_MB: Final = 512
"""Memory that the engine takes before it has seen a picture."""


def reads_pictures() -> bool:
    """Whether the extra `ocr` is installed: text on pictures is found then."""
    return all(importlib.util.find_spec(name) for name in ("rapidocr", "onnxruntime"))
