"""Text on pictures, by the extra `ocr`: its models lie in its wheel, and nothing is fetched."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, cast

from knowledge_base.extras import reads_pictures
from knowledge_base.loaders.pdf_lines import Line
from knowledge_base.loaders.rows import arranged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from rapidocr import RapidOCR
    from rapidocr.ch_ppocr_det import TextDetector
    from rapidocr.utils.output import RapidOCROutput

LONGEST_SIDE: Final = 1600
"""Pixels that a page is read at, at most: 10 points are 19 of them then on A4."""
_FOUND_AT: Final = 1280
"""Pixels that lines are looked for at; they are read at the full size."""
_SMALL: Final = 736
"""Pixels below which a picture's letters are few of them high."""
_SURE: Final = 0.5
"""What the reader is less sure of is left out: it is mostly a picture's ornament."""
_LETTERS: Final = 0.72
"""Share of a box's height that its letters take."""
_LARGE: Final = 1.4
_STEP: Final = 1.2
"""Sizes above the usual one are told apart in such steps."""
_BODY: Final = 10.0


def available() -> bool:
    """Whether the extra is installed."""
    return reads_pictures()


def read_picture(picture: Image, points: float = 1.0) -> list[Line]:
    """What stands on an RGB picture, from top to bottom; measures of the lines are in points, of
    which each pixel has so many."""
    import numpy as np

    pixels = np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])  # blue comes first there
    result = _read(pixels)
    if result.boxes is None or result.txts is None or result.scores is None:
        return []
    height = pixels.shape[0]
    found = [
        _line(text, box, height, points)
        for box, text, score in zip(result.boxes, result.txts, result.scores, strict=True)
        if score >= _SURE and text.strip()
    ]
    return arranged(found, as_it_stands=True)


def levelled(lines: list[Line], body: float | None) -> list[Line]:
    """Sizes that can be compared: as measured they differ from line to line of the same print.

    `body` is the size of the text around this page; None where there is no other.
    """
    sizes = [line.size for line in lines if line.size]
    if not sizes:
        return lines
    usual, body = median(sizes), body or _BODY
    return [replace(line, size=body * _steps(line.size / usual)) for line in lines]


def _steps(ratio: float) -> float:
    return round(_STEP ** round(math.log(ratio, _STEP)), 2) if ratio >= _LARGE else 1.0


def _line(text: str, box: NDArray[np.float32], height: int, points: float) -> Line:
    """A box has four corners, from the upper left clockwise; it may stand askew."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = box.tolist()
    high = (math.dist((x0, y0), (x3, y3)) + math.dist((x1, y1), (x2, y2))) / 2
    left, right = min(x0, x3), max(x1, x2)
    base = height - (y2 + y3) / 2
    size = max(high * _LETTERS * points, 1.0)
    return Line(text.strip(), size, left * points, right * points, base * points)


def _read(pixels: NDArray[np.uint8]) -> RapidOCROutput:
    engine = _engine()
    # Lines are looked for on a picture made larger or smaller, and read as they are.
    short, long = sorted(pixels.shape[:2])
    finder = cast("TextDetector", engine.text_det)
    finder.limit_type, finder.limit_side_len = "max", _FOUND_AT
    if short < _SMALL:
        finder.limit_type = "min"
        finder.limit_side_len = max(1, min(_SMALL, _FOUND_AT * short // long))
    return _run(engine, pixels)


def _run(engine: RapidOCR, pixels: NDArray[np.uint8]) -> RapidOCROutput:
    import cv2
    from rapidocr.inference_engine.onnxruntime.main import ONNXRuntimeError
    from rapidocr.utils.output import RapidOCROutput

    try:
        result = engine(pixels)
    except (ONNXRuntimeError, cv2.error) as error:
        # Neither the model nor the pixels are a stranger's: all that can be wrong is the room.
        raise MemoryError from error
    return result if isinstance(result, RapidOCROutput) else RapidOCROutput()


@cache
def _engine() -> RapidOCR:
    _make_room()
    import cv2
    import numpy as np
    import rapidocr
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    models = Path(rapidocr.__file__).parent / "models"
    params: dict[str, object] = {
        "Global.log_level": "error",
        "Global.max_side_len": LONGEST_SIDE,
        "Det.limit_type": "max",
        # A line's memory goes with its length times the letters that there are: one at a time.
        "Rec.rec_batch_num": 1,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        "EngineConfig.onnxruntime.enable_cpu_mem_arena": False,
    }
    for part in ("Det", "Cls", "Rec"):  # named, so that it never looks for them elsewhere
        (model,) = models.glob(f"*_{part.lower()}_*.onnx")
        params[f"{part}.model_path"] = str(model)
    engine = RapidOCR(params=params)
    _run(engine, np.full((64, 64, 3), 255, np.uint8))  # it loads the finder at its first picture
    return engine


def _make_room() -> None:
    """What the engine itself takes is not the file's: the process may have that beside."""
    try:
        import resource
    except ImportError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
