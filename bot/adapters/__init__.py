"""Surfaces: each translates between its own world and the core's events."""
