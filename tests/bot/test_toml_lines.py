from __future__ import annotations

import pytest

from bot.toml_lines import TomlLines, syntax_error_line

TEXT = '''a = 1
[web]
# port = 2
port = 3
text = """
port = 4
"""
[a.b]
"c d".e = 5
[knowledge]
folders = { samples = "x" }
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 1),
        (("web",), 2),
        (("web", "port"), 4),
        (("a", "b", "c d", "e"), 9),
        (("knowledge", "folders", "samples"), 11),
        (("nothing",), None),
    ],
)
def test_each_key_has_the_line_it_is_written_on(path, line):
    assert TomlLines(TEXT).line(path) == line


def test_a_syntax_error_is_taken_apart():
    assert syntax_error_line("Invalid value (at line 3, column 5)") == (3, "invalid value")
    assert syntax_error_line("Unclosed array (at end of document)") == (
        None,
        "unclosed array at the end of the file",
    )
