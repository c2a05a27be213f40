"""Writes the table of models in docs/models.md and docs/models.zh-CN.md from the list of models.

python tools/model_docs.py          writes them
python tools/model_docs.py --check  fails where they are not up to date
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot.models.catalogue import Recommended, catalogue  # noqa: E402
from core.engines.memory import GIB, Device, Wishes, plan  # noqa: E402

BEGIN, END = "<!-- models: made by tools/model_docs.py -->", "<!-- end of models -->"
FILES = {"en": "models.md", "zh": "models.zh-CN.md"}
TITLES = {
    "en": ("Name", "Engine", "Download", "Licence", "Languages", "Context", "Pictures", "Needs"),
    "zh": ("名称", "引擎", "下载", "许可", "语言", "上下文", "图片", "需要"),
}
MORE = {"en": "many more", "zh": "及更多"}
CARD_SIZES = (4, 6, 8, 12, 16, 24, 32, 48, 80)


def smallest_card(model: Recommended) -> str:
    """The smallest usual card on which four answers of 8,192 tokens fit."""
    for gib in CARD_SIZES:
        device = Device("", True, gib * GIB, gib * GIB)
        made = plan(device, model.shape, model.size_bytes, Wishes())
        if made.slots >= 4 and made.context == 8192:
            return f"{gib} GB"
    return "–"


def table(language: str) -> str:
    """The list as Markdown, best first."""
    rows = ["| " + " | ".join(TITLES[language]) + " |", "|---" * 8 + "|"]
    for model in catalogue():
        languages = ", ".join(model.languages).replace("…", MORE[language])
        rows.append(
            f"| `{model.name}` | `{model.engine}` | {model.size_bytes / 1e9:.1f} GB "
            f"| {model.licence} | {languages} | {model.context // 1024}k "
            f"| {'✓' if model.sees else ''} | {smallest_card(model)} |"
        )
    return "\n".join(rows)


def current(language: str) -> str:
    """The file as it should be: what stands around the table is kept."""
    text = (ROOT / "docs" / FILES[language]).read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{table(language)}\n{END}{after}"


def main() -> int:
    stale = []
    for language, name in FILES.items():
        path = ROOT / "docs" / name
        wanted = current(language)
        if path.read_text(encoding="utf-8") != wanted:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(wanted, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.stderr.write(f"not up to date: {', '.join(stale)}; run tools/model_docs.py\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
