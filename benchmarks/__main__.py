"""`python -m benchmarks [NAME...]`: every figure of BENCHMARKS.md, or the named ones."""

from __future__ import annotations

import asyncio
import importlib
import sys

from benchmarks.pairing import say

NAMES = (
    "ingest_rate",
    "pdf_ingest",
    "batches",
    "search_latency",
    "add_cost",
    "startup",
    "added_latency",
    "llama_engine",
    "contention",
    "stop_latency",
    "platform_load",
    "api_stream",
    "console_paint",
    "attribution",
    "swapped_numbers",
    "swapped_polarity",
    "aggregates",
    "injection",
    "readers",
    "transformers_engine",
)


def main() -> int:
    """1 if a limit was missed."""
    wanted = sys.argv[1:] or [*NAMES, "retrieval_quality", "refusal"]
    missed = []
    for name in wanted:
        say(f"{name}:")
        if not asyncio.run(importlib.import_module(f"benchmarks.{name}").main()):
            missed.append(name)
    say(f"missed: {', '.join(missed)}" if missed else "all limits hold")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
