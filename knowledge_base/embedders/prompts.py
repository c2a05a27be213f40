"""What each family of embedding models wants written before a text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

BGE_EN = "Represent this sentence for searching relevant passages: "
BGE_ZH = "为这个句子生成表示以用于检索相关文章："
QWEN3 = (
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
)
E5_INSTRUCT = QWEN3.removesuffix("Query:") + "Query: "


@dataclass(frozen=True, slots=True)
class Prompts:
    """Written before each text; the empty string where a model wants nothing."""

    query: str = ""
    document: str = ""


def prompts_for(model: str) -> Prompts:
    """The prompts that a model's card asks for, by the model's name; none for an unknown one.

    Sources: the model cards of intfloat/multilingual-e5-*, BAAI/bge-*, Qwen/Qwen3-Embedding-*,
    mixedbread-ai/mxbai-embed-large-v1, nomic-ai/nomic-embed-text-v1.5.
    text2vec-*-chinese, m3e-*, bge-m3, all-MiniLM-* and paraphrase-* want none.
    """
    name = PurePath(model).name.lower()
    if "qwen3-embedding" in name:
        return Prompts(query=QWEN3)
    if "e5" in name.replace("_", "-").split("-"):
        if "instruct" in name:
            return Prompts(query=E5_INSTRUCT)
        return Prompts(query="query: ", document="passage: ")
    if name.startswith("bge-") and "m3" not in name:
        return Prompts(query=BGE_ZH if "-zh" in name else BGE_EN)
    if name.startswith("mxbai-embed"):
        return Prompts(query=BGE_EN)
    if name.startswith("nomic-embed-text"):
        return Prompts(query="search_query: ", document="search_document: ")
    return Prompts()
