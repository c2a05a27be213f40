"""The platform-agnostic core: one pipeline from a message to its answer."""
