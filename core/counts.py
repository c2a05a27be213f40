"""How many of something, in words: one document is no "1 documents". Pure."""

from __future__ import annotations

from core.language import Words


def bases_of(count: int, _: Words) -> str:
    """ "1 base", "2 bases"."""
    return _.plural("{count} base", "{count} bases", count)


def documents_of(count: int, _: Words) -> str:
    """ "1 document", "2 documents"."""
    return _.plural("{count} document", "{count} documents", count)


def passages_of(count: int, _: Words) -> str:
    """ "1 passage", "2 passages"."""
    return _.plural("{count} passage", "{count} passages", count)


def questions_of(count: int, _: Words) -> str:
    """ "1 question", "2 questions"."""
    return _.plural("{count} question", "{count} questions", count)


def characters_of(count: int, _: Words) -> str:
    """ "1 character", "2 characters"."""
    return _.plural("{count} character", "{count} characters", count)


def cores_of(count: int, _: Words) -> str:
    """ "1 core", "2 cores"."""
    return _.plural("{count} core", "{count} cores", count)


def vectors_of(count: int, _: Words) -> str:
    """ "1 vector", "2 vectors"."""
    return _.plural("{count} vector", "{count} vectors", count)


def answers_at_once(count: int, _: Words) -> str:
    """ "1 answer at a time", "2 answers at once"."""
    return _.plural("{count} answer at a time", "{count} answers at once", count)
