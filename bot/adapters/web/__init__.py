"""The web surface: one FastAPI application on one uvicorn server."""

from __future__ import annotations

import os
from pathlib import Path


def prepare(temporary: Path) -> None:
    """Set what Gradio reads from the environment; call it before importing the console.

    It tells nobody that it runs, and uploads wait under the data directory.
    """
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(temporary)
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
