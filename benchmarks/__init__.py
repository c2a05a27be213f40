"""The figures of BENCHMARKS.md: each against its peer or its limit in the same run."""
