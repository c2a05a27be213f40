"""Models on disk: which to take, fetching them, whether they are whole, which is configured."""
