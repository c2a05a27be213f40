"""An embedder without a model: words are hashed into dimensions. Fast, deterministic, honest.

Texts that share words are near each other, so that a search finds what it should. It comes as an
object, as an OpenAI-compatible server in a thread, and as a program:
`python -m tests.support.hash_embeddings --port 8000`.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from knowledge_base.embedders.base import TokenizerSpec, Vectors

DIMENSION = 64
_WORD = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]")


def hash_vector(text: str, dimension: int = DIMENSION) -> Vectors:
    """Shape (dimension,), unit length; the same for the same words in any order."""
    vector = np.full(dimension, 1e-3, dtype=np.float32)
    for word in _WORD.findall(text.lower()):
        code = zlib.crc32(word.encode())
        vector[code % dimension] += 1.0 if code & 0x10000 else -1.0
    return (vector / np.linalg.norm(vector)).astype(np.float32)


class HashEmbedder:
    """The `Embedder` port over `hash_vector`."""

    def __init__(self, dimension: int = DIMENSION, salt: str = "") -> None:
        self._dimension = dimension
        self._salt = salt
        self.embedded = 0

    @property
    def name(self) -> str:
        return f"hash{self._salt}"

    @property
    def fingerprint(self) -> str:
        return f"hash:{self._dimension}:{self._salt}"

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def tokenizer(self) -> TokenizerSpec:
        return TokenizerSpec(kind="estimate", max_tokens=512)

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.embedded += len(texts)
        if not texts:
            return np.empty((0, self._dimension), dtype=np.float32)
        return np.stack([hash_vector(text, self._dimension) for text in texts])

    async def embed_query(self, text: str) -> Vectors:
        return hash_vector(text, self._dimension)

    async def aclose(self) -> None:
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        packed = body.get("encoding_format") == "base64"
        data = []
        for index, text in enumerate(texts):
            vector = hash_vector(text)
            value = base64.b64encode(vector.tobytes()).decode() if packed else vector.tolist()
            data.append({"object": "embedding", "index": index, "embedding": value})
        answer = json.dumps(
            {
                "object": "list",
                "model": body["model"],
                "data": data,
                "usage": {"prompt_tokens": len(texts), "total_tokens": len(texts)},
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def hash_server() -> Iterator[str]:
    """Serve on a free port of the loopback; the value is the base URL to configure."""
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main() -> None:
    """Serve until interrupted; prints the base URL once it listens."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    server = _Server(("127.0.0.1", parser.parse_args().port), _Handler)
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}/v1\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
