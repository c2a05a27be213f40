"""The OpenAI-compatible API, on the same server and the same core as everything else."""
