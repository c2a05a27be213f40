"""What other libraries do with the same documents and the same embedder."""
