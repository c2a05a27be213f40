"""Backups of a data directory, and the way back."""
