"""Writes docs/commands.md and docs/commands.zh-CN.md from the table of commands.

python tools/command_docs.py          writes them
python tools/command_docs.py --check  fails where they are not up to date
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.channel_settings import SETTINGS, Setting  # noqa: E402
from core.commands import COMMANDS, GROUPS  # noqa: E402
from core.commands.base import Command, Option  # noqa: E402
from core.language import Words, words  # noqa: E402
from core.permissions import Level  # noqa: E402

BAR = "\\|"
FILES = {"en": "commands.md", "zh": "commands.zh-CN.md"}

TEXTS = {
    "en": {
        "title": "Commands",
        "note": "<!-- Made from the table in core/commands by tools/command_docs.py: "
        "change it there. -->",
        "intro": "What a person may do depends on the place. A private chat, with the documents "
        "taught there, is its member's own: there everybody is the admin. `/help` shows each "
        "person only what that person may do where they ask.",
        "typed": "On Discord these are slash commands. On Telegram, and in the terminal, they are "
        'typed: a value with blanks before another one stands in quotes (`/kb purge "Ada L" 7d`), '
        "and what is written `[name:value]` below comes first (`/kb share to:server handbook.pdf`).",
        "command": "Command",
        "does": "What it does",
        "options": "Options",
        "menus": "In Discord's menu on a message (Apps): ",
        "asks": "What destroys or gives away (`/kb remove`, `/kb purge`, `/kb share`) asks first, "
        "with buttons that only who sent the command can press, for 15 minutes. What was removed can be "
        "brought back with `/kb undo` for 7 days (`knowledge.removed_rest_days`); so can a version "
        "that was replaced.",
        "settings": "Settings of a channel",
        "settings_intro": "`/settings` lists them with menus; `/settings NAME VALUE` chooses one, "
        "`default` as the value takes the choice back, and `where:server` chooses for all of a "
        "server.",
        "name": "Name",
        "meaning": "What it is",
        "values": "Values",
        "free": "a value of your own",
        "also": ", or a value of your own",
    },
    "zh": {
        "title": "命令",
        "note": "<!-- 由 tools/command_docs.py 根据 core/commands 中的命令表生成：请在那里修改。 -->",
        "intro": "一个人能做什么取决于所在之处。私聊以及在私聊中教的文档属于该成员自己：在那里每个人都是管理者。"
        "`/help` 只向每个人显示其在当前位置可以做的事。",
        "typed": "在 Discord 上它们是斜杠命令。在 Telegram 和终端中则直接输入：后面还有其他值时，带空格的值要加引号"
        '（`/kb purge "Ada L" 7d`）；下文写作 `[名称:值]` 的选项放在最前面（`/kb share to:server handbook.pdf`）。',
        "command": "命令",
        "does": "作用",
        "options": "选项",
        "menus": "在 Discord 的消息菜单（应用）中：",
        "asks": "会删除或公开内容的命令（`/kb remove`、`/kb purge`、`/kb share`）会先询问；按钮只有发送命令的人能按，"
        "15 分钟内有效。移除或被替换的文档 7 天内可以用 `/kb undo` 恢复（`knowledge.removed_rest_days`）。",
        "settings": "频道设置",
        "settings_intro": "`/settings` 以菜单列出它们；`/settings 名称 值` 选择一项，值写 `default` 即撤销选择，"
        "`where:server` 则对整个服务器生效。",
        "name": "名称",
        "meaning": "含义",
        "values": "取值",
        "free": "自定义的值",
        "also": "，也可以自定义",
    },
}

WHO = {
    Level.MEMBER: {"en": "Members", "zh": "成员"},
    Level.UPLOADER: {
        "en": "Who may teach (the setting `teachers`; moderators always)",
        "zh": "可以教我的人（设置 `teachers`；版主始终可以）",
    },
    Level.MODERATOR: {
        "en": "Moderators (Discord: Manage Messages; Telegram: administrators)",
        "zh": "版主（Discord：管理消息；Telegram：群管理员）",
    },
    Level.CHANNEL_ADMIN: {
        "en": "Admins of the channel (Discord: Manage Channel or Manage Server; Telegram: "
        "administrators)",
        "zh": "频道管理员（Discord：管理频道或管理服务器；Telegram：群管理员）",
    },
    Level.OWNER: {
        "en": "The owner (`owners` in the configuration)",
        "zh": "所有者（配置中的 `owners`）",
    },
}


def page(language: str) -> str:
    """The whole page in one language."""
    _, texts = words(language), TEXTS[language]
    groups = _("; ").join(
        _("{name}: {text}", name=f"`/{name} …`", text=_(summary))
        for name, summary in GROUPS.items()
    )
    lines = [f"# {texts['title']}", "", texts["note"], "", texts["intro"], "", texts["typed"], ""]
    lines += [groups, "", texts["asks"], ""]
    for level, names in WHO.items():
        own = [command for command in COMMANDS if command.needs is level]
        if not own:
            continue
        lines += [f"## {names[language]}", ""]
        lines += [f"| {texts['command']} | {texts['does']} | {texts['options']} |"]
        lines += ["| --- | --- | --- |"]
        lines += [_row(command, _) for command in own]
        lines.append("")
    menus = [
        f"*{_(command.message_menu)}*" + _aside(f"`/{command.name}`", _)
        for command in COMMANDS
        if command.message_menu
    ]
    lines += [f"{texts['menus']}{_(', ').join(menus)}", ""]
    lines += [f"## {texts['settings']}", "", texts["settings_intro"], ""]
    lines += [f"| {texts['name']} | {texts['meaning']} | {texts['values']} |"]
    lines += ["| --- | --- | --- |"]
    lines += [_setting(setting, texts, _) for setting in SETTINGS]
    return "\n".join(lines) + "\n"


def _row(command: Command, _: Words) -> str:
    # Files come several at once: one line says it.
    files = [option for option in command.options if option.kind == "file"]
    shown = [option for option in command.options if option not in files[1:]]
    options = "<br>".join(_option(option, _) for option in shown)
    return _cells(f"`{command.usage}`", _(command.summary), options)


def _option(option: Option, _: Words) -> str:
    told = _("{name}: {text}", name=f"`{option.name}`", text=_(option.summary))
    return told + _aside(_(", ").join(f"`{choice}`" for choice in option.choices), _)


def _aside(text: str, _: Words) -> str:
    """In brackets, as the language has them."""
    if not text:
        return ""
    return f"（{text}）" if _.language == "zh" else f" ({text})"


def _cells(*texts: str) -> str:
    """A row of a table, in which no text begins a cell."""
    return f"| {' | '.join(text.replace('|', BAR) for text in texts)} |"


def _setting(setting: Setting, texts: dict[str, str], _: Words) -> str:
    values = [
        f"`{choice.value}`" + _aside(_(choice.label) if choice.label != choice.value else "", _)
        for choice in setting.choices
    ]
    told = _(", ").join(values)
    if setting.free:
        told = told + texts["also"] if told else texts["free"]
    return _cells(f"`{setting.key}`", _(setting.label), told)


def main(arguments: list[str]) -> int:
    """The exit code: 1 where a page is not up to date."""
    old = []
    for language, name in FILES.items():
        path = ROOT / "docs" / name
        made = page(language)
        if "--check" in arguments:
            if not path.exists() or path.read_text(encoding="utf-8") != made:
                old.append(name)
        else:
            path.write_text(made, encoding="utf-8")
    if old:
        sys.stderr.write(f"not up to date: {', '.join(old)}; run python tools/command_docs.py\n")
    return 1 if old else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
