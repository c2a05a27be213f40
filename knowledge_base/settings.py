"""Settings of the knowledge base, declared beside their users and composed by `bot.config`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class ReaderLimits:
    """What one file may cost to read; each field bears the name of its key under [knowledge]."""

    max_file_mb: int = 50
    max_passages_per_document: int = 5000
    max_archive_mb: int = 200
    max_archive_files: int = 500
    max_archive_depth: int = 2
    max_archive_ratio: int = 200
    """Times that a member of an archive may be larger than it is packed, from 10 MB on."""
    max_picture_megapixels: int = 64
    """Of one picture, as it says itself before it is decoded."""
    max_ocr_pages: int = 300
    """Of one file that has to be read by OCR; each may take `parse_seconds`."""
    max_import_mb: int = 4096
    """Of a base that is imported, unpacked."""
    parse_seconds: int = 120
    parse_memory_mb: int = 1024


@dataclass(frozen=True, slots=True)
class PageSettings:
    """How pages of the web are fetched; each field bears the name of its key under [knowledge]."""

    page_seconds: float = 30.0
    page_ports: tuple[int, ...] = (80, 443)


@dataclass(frozen=True, slots=True)
class KnowledgeSettings:
    """What a `Library` needs to know."""

    relevance_threshold: float = 0.5
    passages: int = 5
    memory_budget_mb: int = 1024
    busy_seconds: float = 30.0
    """How long a writer waits for another process before it says so."""
    removed_rest_days: int = 7
    """How long what was removed can be brought back; 0: not at all."""
    limits: ReaderLimits = field(default_factory=ReaderLimits)
    pages: PageSettings = field(default_factory=PageSettings)


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """Looks at what a search found, by models that go by more than one vector of a passage."""

    close_look_ms: int = 400
    """For reading passages word by word where a search is in doubt (`closeness`); 0: never."""
    reranker: str | None = None
    """A cross-encoder of sentence-transformers: a folder or an id; None: no second look."""
    reranker_budget_ms: int = 1500
    """For one question; what takes longer counts for nothing."""
    enrichment: bool = False
    """Whether passages are found by what an engine wrote about them too (`hints`), and one that
    idles writes it."""
    enrichment_tokens_hourly: int = 60_000
    """Read and written for that within an hour."""
    reword: bool = False
    """Whether a question for which too little was found is searched once more in other words."""


@dataclass(frozen=True, slots=True)
class EmbeddingSettings:
    """Which embedder, and where it runs."""

    kind: Literal["auto", "bundled", "sentence_transformers", "openai"] = "auto"
    model: str | None = None
    threads: int | None = None
    device: Literal["auto", "cuda", "cpu"] = "auto"
    """Where `sentence_transformers` computes; auto: on a CUDA card where there is one."""
    base_url: str | None = None
    place: Literal["auto", "local", "own", "outside"] = "auto"
    """Whose machine `base_url` is; auto: by its address."""
    api_key: str | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)
    """Overrides `network.proxy`; "direct": none."""
    max_tokens: int = 512
    """Longest input of a remote model, in its own tokens; local models know theirs."""
    timeout_seconds: float = 60.0
