"""Errors into words. Nothing else in the program tells a person what went wrong.

One function for each class, in the language of the `Words` it is given; the house test finds a
class that has none. What is to be done comes with it, and the configuration key where there is one.
"""

from core.explain import engines, knowledge, requests
from core.explain.base import duration, explain, near

# The sentences are registered by being imported.
__all__ = ["duration", "engines", "explain", "knowledge", "near", "requests"]
