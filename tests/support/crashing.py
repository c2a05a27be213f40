"""Files whose reading ends a process in every way there is: `crashing(folder)` gives the worker a
`sitecustomize` that looks for them by their first bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

WAYS: Final = {
    "segfault": "ctypes.string_at(0)",
    "exit": "os._exit(0)",
    "abort": "os.abort()",
    "kill": "os.kill(os.getpid(), 9)",
    "memory": "kept = [bytearray(1 << 24) for _ in range(1 << 20)]",
    "loop": "while True: pass",
    "deep loop": "re.fullmatch('(a+)+b', 'a' * 60)",
    "garbage": "os.write(1, b'\\xff' * 100); os._exit(1)",
    "flood": "[os.write(2, b'x' * 65536) for _ in range(2000)]; os._exit(1)",
    "surprise": "raise KeyboardInterrupt",
}
"""What the parser does, as a program."""
_HOOK: Final = """
import ctypes, os, re, sys
import knowledge_base.loaders.text as text
plain = text.load_text
def load_text(source):
    first = source.read().split(b"\\n")[0]
    if first.startswith(b"CRASH "):
        exec(first[6:].decode())
    return plain(source)
text.load_text = load_text
"""


def crashing(folder: Path) -> Path:
    """A folder to be put on the worker's path: its reader of text does what a text says."""
    folder.mkdir()
    (folder / "usercustomize.py").write_text("")
    (folder / "sitecustomize.py").write_text(_HOOK)
    return folder


def crash(path: Path, way: str) -> Path:
    """A text that does so."""
    path.write_text(f"CRASH {WAYS[way]}\nwords\n")
    return path
