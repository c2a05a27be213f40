"""Reading `knowledge.db`: everything here sees one state of it, that of its transaction.

What is read has a module for each of its subjects; a `Rows` has one of each.
"""

from __future__ import annotations

import sqlite3

from knowledge_base.rows.bases import BaseRows
from knowledge_base.rows.chunks import ChunkRows
from knowledge_base.rows.counts import Counts
from knowledge_base.rows.documents import DocumentRows
from knowledge_base.rows.files import FileRows
from knowledge_base.rows.hints import HintRows
from knowledge_base.rows.resting import RestingRows
from knowledge_base.rows.vectors import VectorRows


class Rows:
    """One transaction; only valid inside it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.bases = BaseRows(connection)
        self.documents = DocumentRows(connection)
        self.chunks = ChunkRows(connection)
        self.vectors = VectorRows(connection)
        self.hints = HintRows(connection, self.documents, self.chunks)
        self.resting = RestingRows(connection)
        self.files = FileRows(connection)
        self.counts = Counts(connection)
