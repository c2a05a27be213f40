"""Writes docs/configuration.md and docs/configuration.zh-CN.md from config.example.toml.

python tools/configuration_docs.py          writes them
python tools/configuration_docs.py --check  fails where they are not up to date

English comes from the comments of the example, Chinese from tools/configuration.zh.toml, which has
a line for each key.
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot import config_values  # noqa: E402

FILES: Final = {"en": "configuration.md", "zh": "configuration.zh-CN.md"}
_LINE: Final = re.compile(r"^(?P<off># )?(?P<key>[a-z_]+) = (?P<rest>.+)$")
_SECTION: Final = re.compile(r"^\[([a-z_]+)\]\s*(?:#\s*(.*))?$")

_TEXTS: Final = {
    "en": {
        "title": "Configuration",
        "other": "[中文](configuration.zh-CN.md)",
        "made": "<!-- Made by tools/configuration_docs.py: change config.example.toml. -->",
        "intro": "One file, `config.toml` beside where the bot is started, or `--config FILE`; without "
        "one, the defaults hold. An unknown key is an error that names its line. Any key may be "
        'written as `name_env = "VARIABLE"`, secrets also as `name_file = "PATH"`, and any key can be '
        "set from outside: `LOREKEEPER__WEB__PORT=7999` (lists and tables as JSON). "
        "`config.example.toml` has all of this in the form of a file.",
        "head": "| Key | Default | What it is |",
        "top": "At the top",
        "none": "none; for instance",
        "named": "Several engines: a table `[engines.NAME]` for each, with the keys of `[engine]`. The "
        "first is the default where `[engine]` names no model; channels pick with `/model`.",
    },
    "zh": {
        "title": "配置",
        "other": "[English](configuration.md)",
        "made": "<!-- 由 tools/configuration_docs.py 生成：请修改 tools/configuration.zh.toml。 -->",
        "intro": "只有一个文件：启动目录下的 `config.toml`，或用 `--config 文件` 指定；没有文件时使用默认值。未知的键会报错并"
        '指出行号。任何键都可以写成 `键_env = "环境变量"`，机密还可以写成 `键_file = "路径"`；也可以用环境变量设置：'
        "`LOREKEEPER__WEB__PORT=7999`（列表和表写成 JSON）。`config.example.toml` 以文件形式列出了全部内容。",
        "head": "| 键 | 默认值 | 含义 |",
        "top": "顶层",
        "none": "无；例如",
        "named": "多个引擎：每个一张 `[engines.名称]` 表，键与 `[engine]` 相同。`[engine]` 没有指定模型时，第一个是默认引擎；"
        "频道用 `/model` 选择。",
    },
}


@dataclass(frozen=True, slots=True)
class Row:
    """One key of the example."""

    section: str
    key: str
    written: str
    """As the example has it: a secret by the variable that holds it."""
    value: str
    remark: str
    is_set: bool
    """Whether the example's value is the default; else there is none, and it is an example."""

    @property
    def path(self) -> str:
        return f"{self.section}.{self.key}" if self.section else self.key

    @property
    def shown(self) -> str:
        return f"{self.section}.{self.written}" if self.section else self.written


def rows() -> list[Row]:
    """Every key once, in the example's order; secrets under their own name."""
    known, found, section = set(config_values.keys()), {}, ""
    for line in (ROOT / "config.example.toml").read_text(encoding="utf-8").splitlines():
        if head := _SECTION.match(line):
            section = head[1]
        elif (written := _LINE.match(line)) is not None:
            value, remark = _parted(written["rest"])
            key = written["key"].removesuffix("_env")
            row = Row(section, key, written["key"], value, remark, not written["off"])
            if row.path in known:
                found.setdefault(row.path, row)
    return list(found.values())


def _parted(rest: str) -> tuple[str, str]:
    """A value and the comment behind it; a `#` within quotes is part of the value."""
    quoted = False
    for place, letter in enumerate(rest):
        if letter == '"':
            quoted = not quoted
        elif letter == "#" and not quoted:
            return rest[:place].strip(), rest[place + 1 :].strip()
    return rest.strip(), ""


def chinese() -> dict[str, str]:
    """What each key is, by its path."""
    tree = tomllib.loads((ROOT / "tools" / "configuration.zh.toml").read_text(encoding="utf-8"))
    told = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            told |= {f"{name}.{key}": text for key, text in value.items()}
        else:
            told[name] = value
    return told


def page(language: str) -> str:
    """The whole page."""
    texts, told = _TEXTS[language], chinese()
    lines = [f"# {texts['title']}", "", texts["other"], "", texts["made"], "", texts["intro"]]
    section = None
    for row in rows():
        if row.section != section:
            section = row.section
            lines += ["", f"## {f'`[{section}]`' if section else texts['top']}", ""]
            if section == "engine":
                lines += [texts["named"], ""]
            lines += [texts["head"], "| --- | --- | --- |"]
        remark = row.remark if language == "en" else told[row.path]
        value = f"`{row.value}`" if row.is_set else f"{texts['none']} `{row.value}`"
        cells = (cell.replace("|", "\\|") for cell in (f"`{row.shown}`", value, remark))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    wrong = 0
    for language, name in FILES.items():
        path, text = ROOT / "docs" / name, page(language)
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if "--check" in sys.argv:
            sys.stderr.write(f"docs/{name} is not up to date\n")
            wrong = 1
        else:
            path.write_text(text, encoding="utf-8")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
