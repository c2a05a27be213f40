from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from bot import config_values
from bot.config import load
from bot.errors import ConfigError
from bot.settings import SAMPLES, Config
from core.language import words


@pytest.fixture
def read(tmp_path: Path):
    def reading(text: str, **environ: str) -> Config:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        return load(path, environ)

    return reading


def told(read, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text, **environ)
    return str(caught.value)


def remarks(config: Config) -> list[str]:
    """In English."""
    return list(map(str, config.remarks))


@pytest.mark.parametrize(
    ("text", "english", "chinese"),
    [
        ("prot = 1\n", "unknown key", "没有这个键"),
        ("[wab]\nx = 1\n", "unknown key (did you mean web?)", "没有这个键（是不是想写 web？）"),
        ("[web]\nport = 'x'\n", "must be a whole number", "必须是整数"),
        ("[engine]\nthreads = 1.5\n", "must be a whole number", "必须是整数"),
        ("[web]\nenabled = 'on!'\n", "must be true or false", "必须是 true 或 false"),
        ("[web]\nhost = 5\n", "must be text, in quotation marks", "必须是文本，写在引号里"),
        ("owners = 'x'\n", "must be a list", "必须是列表"),
        ("data_dir = 5\n", "must be a path, in quotation marks", "必须是路径，写在引号里"),
        ("[logs]\nformat = 'x'\n", "must be one of text, json", "必须是其中之一：text、json"),
        ("[web]\nport = 70000\n", "must lie between 0 and 65535", "必须在 0 到 65535 之间"),
        ("[knowledge]\nfolders = 1\n", "must be a table", "必须是表"),
        ("[jobs]\nbackup = '* * * * 9'\n", '"9" is no weekday', '"9" 不是星期'),
        ("[network]\nproxy = 'x'\n", "must be an address such as", "必须是地址，例如"),
        ("[web\n", "not valid TOML: expected ']'", "不是有效的 TOML：表名的末尾缺少"),
    ],
)
def test_what_is_wrong_is_told_in_both_languages(read, text, english, chinese):
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert english in str(caught.value)
    in_chinese = caught.value.told(words("zh"))
    assert chinese in in_chinese
    assert english not in in_chinese
    assert in_chinese.startswith("config.toml：第 ")


def test_a_problem_of_the_environment_is_told_in_both_languages(read):
    with pytest.raises(ConfigError) as caught:
        read("", LOREKEEPER__WEB__PROT="1")
    assert caught.value.told(words("zh")) == (
        "环境变量：LOREKEEPER__WEB__PROT：没有这个键（是不是想写 LOREKEEPER__WEB__PORT？）"
    )


def test_without_a_file_the_defaults_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load(None, {}) == Config(data_dir=tmp_path / "data")


def test_without_a_path_the_file_in_the_current_folder_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text("[web]\nport = 7999\n")
    assert load(None, {}).web.port == 7999


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: there is no such file"):
        load(tmp_path / "none.toml", {})


def test_an_unknown_key_names_its_line_and_the_nearest_key(read):
    text = 'data_dir = "x"\n\n[web]\nport = 7999\n\n\nprot = 7\n'
    assert told(read, text) == "config.toml: line 7: web.prot: unknown key (did you mean web.port?)"


def test_an_unknown_section_names_the_nearest(read):
    assert told(read, "[wab]\nx = 1\n") == (
        "config.toml: line 1: wab: unknown key (did you mean web?)"
    )


def test_no_key_is_led_to_the_section_that_it_stands_in(read):
    assert told(read, "[limits]\nfiles = 7\n").endswith("limits.files: unknown key")


def test_a_key_in_the_wrong_section_is_led_to_the_right_one(read):
    assert told(read, "[knowledge]\nport = 1\n").endswith("(did you mean web.port?)")


def test_every_problem_is_told_at_once(read):
    lines = told(read, '[web]\nport = "abc"\n[engine]\nkind = "gpt"\nnope = 1\n').splitlines()
    assert [line.split(": ")[1:3] for line in lines] == [
        ["line 5", "engine.nope"],
        ["line 4", "engine.kind"],
        ["line 2", "web.port"],
    ]


def test_a_value_out_of_range_is_told(read):
    assert told(read, "[knowledge]\nrelevance_threshold = 1.5\n") == (
        "config.toml: line 2: knowledge.relevance_threshold: must lie between 0 and 1"
    )


def test_broken_toml_names_its_line(read):
    assert told(read, "[web]\nport 7\n").startswith("config.toml: line 2: not valid TOML")


def test_a_section_written_as_a_value_is_told(read):
    assert told(read, "web = 5\n") == (
        "config.toml: line 1: web: is a section: write [web] and its keys below it"
    )


def test_the_environment_goes_over_the_file(read):
    read_config = read("[web]\nport = 1\n", LOREKEEPER__WEB__PORT="7999", LOREKEEPER__DATA_DIR="d")
    assert (read_config.web.port, read_config.data_dir.name) == (7999, "d")


def test_an_unknown_variable_is_told_with_the_nearest(read):
    assert told(read, "", LOREKEEPER__WEB__PROT="1") == (
        "environment: LOREKEEPER__WEB__PROT: unknown key (did you mean LOREKEEPER__WEB__PORT?)"
    )
    assert "LOREKEEPER__NOPE: unknown key" in told(read, "", LOREKEEPER__NOPE="1")


def test_a_wrong_value_in_a_variable_names_the_variable(read):
    assert told(read, "", LOREKEEPER__WEB__PORT="x").startswith(
        "environment: LOREKEEPER__WEB__PORT"
    )


def test_lists_and_tables_come_from_variables(read):
    made = read(
        "",
        LOREKEEPER__OWNERS="discord:1, telegram:2",
        LOREKEEPER__KNOWLEDGE__FOLDERS='{"a": "/a"}',
        LOREKEEPER__ADMISSION__SERVERS='["x"]',
    )
    assert made.owners == ("discord:1", "telegram:2")
    assert made.folders == {"a": Path("/a")}
    assert made.admission.servers == ("x",)


def test_any_key_may_be_taken_from_a_variable_it_names(read):
    made = read('[engine]\nmodel_env = "M"\napi_key_env = "K"\n', M="tiny", K="s3cret")
    assert (made.engine.model, made.engine.api_key) == ("tiny", "s3cret")
    assert "s3cret" not in repr(made)


def test_a_variable_that_is_not_set_leaves_the_default_and_a_remark(read):
    made = read('[engine]\napi_key_env = "K"\n')
    assert made.engine.api_key is None
    assert remarks(made) == ["engine.api_key_env names K, which is not set"]


def test_a_secret_that_is_empty_is_none_and_opens_nothing(read, tmp_path):
    """Made by `touch`, or left empty in a list of variables."""
    (tmp_path / "password").write_text(" \n")
    made = read('[web]\npassword_file = "password"\nmetrics_token = ""\n')
    assert (made.web.password, made.web.metrics_token) == (None, None)
    assert remarks(made) == [
        "web.password_file, the file password, is empty, which is as if it were not there",
        "web.metrics_token is empty, which is as if it were not there",
    ]
    assert (
        made.remarks[0](words("zh")) == "web.password_file 指定的文件 password 是空的，等于没有设置"
    )
    made = read('[engine]\napi_key_env = "K"\n', K=" ", LOREKEEPER__WEB__PASSWORD="")
    assert (made.engine.api_key, made.web.password) == (None, None)
    assert remarks(made) == [
        "engine.api_key_env names K, which is not set",
        "LOREKEEPER__WEB__PASSWORD is empty, which is as if it were not there",
    ]
    assert read("", DISCORD_TOKEN=" ").discord.token is None
    kept = read('[web]\npassword = "sesame sesame"\n', LOREKEEPER__WEB__PASSWORD="").web.password
    assert kept is not None
    assert kept.get_secret_value() == "sesame sesame"


def test_a_password_that_is_soon_guessed_is_remarked_upon_and_told_to_nobody(read):
    made = read('[web]\npassword = "hunter2"\n')
    assert remarks(made) == ["web.password has fewer than 8 characters"]
    assert "hunter2" not in repr(made)
    assert read('[web]\npassword = "hunter22"\n').remarks == ()


def test_a_secret_may_stand_in_a_file(read, tmp_path):
    (tmp_path / "token").write_text("abc\n")
    token = read('[telegram]\ntoken_file = "token"\n').telegram.token
    assert token is not None
    assert token.get_secret_value() == "abc"


def test_tokens_are_found_in_their_usual_variables(read):
    assert read("", DISCORD_TOKEN="t").discord.token is not None
    assert read('[discord]\ntoken_env = "OTHER"\n').discord.token is None


def test_relative_paths_start_at_the_file(read, tmp_path):
    made = read('data_dir = "store"\n[knowledge]\nfolders = { samples = "s", "团队" = "文档" }\n')
    assert made.data_dir == tmp_path / "store"
    assert made.folders == {"samples": tmp_path / "s", "团队": tmp_path / "文档"}


@pytest.mark.parametrize(
    "text",
    [
        'data_dir = "~nobody-of-that-name/x"',
        'data_dir = "a\\u0000b"',
        '[engine]\napi_key_file = "\\u0000"',
        '[engine]\nmodel = "~nobody-of-that-name/m.gguf"',
        '[chat]\nprompt_folder = "~nobody-of-that-name"',
        '[knowledge]\nfolders = { a = "~nobody-of-that-name" }',
    ],
)
def test_what_is_no_path_is_told_as_any_other_problem(read, text):
    assert "is no path" in told(read, text)


def test_a_model_that_is_a_file_is_found_beside_the_configuration(read, tmp_path):
    assert read('[engine]\nmodel = "m.gguf"\n').engine.model == str(tmp_path / "m.gguf")
    assert read('[engine]\nmodel = "org/name"\n').engine.model == "org/name"


def test_the_samples_are_followed_unless_folders_are_named(read):
    assert read("").folders == {"samples": SAMPLES}
    assert read("[knowledge]\nfolders = {}\n").folders == {}


def test_the_example_holds_every_key_and_nothing_but_defaults(root, tmp_path):
    text = (root / "config.example.toml").read_text(encoding="utf-8")
    made = load(root / "config.example.toml", {})
    assert replace(made, remarks=()) == Config(data_dir=root / "data")
    assert remarks(made) == [
        "discord.token_env names DISCORD_TOKEN, which is not set",
        "telegram.token_env names TELEGRAM_TOKEN, which is not set",
    ]
    uncommented = tmp_path / "config.toml"
    uncommented.write_text(
        "\n".join(re.sub(r"^# ([a-z_]+ = )", r"\1", line) for line in text.splitlines()),
        encoding="utf-8",
    )
    load(uncommented, {})
    written = {
        f"{section}.{key}".removesuffix("_env") if isinstance(table, dict) else section
        for section, table in tomllib.loads(uncommented.read_text(encoding="utf-8")).items()
        for key in (table if isinstance(table, dict) else [""])
    }
    assert written == set(config_values.keys())


NAMED = """
[engine]
max_waiting = 7
api_key = "for the first alone"
input_price = 2.0
[engines.house]
model = "m.gguf"
max_waiting = 9
[engines.my-cloud]
base_url = "https://api.example.com/v1"
fallbacks = ["house"]
"""


def test_named_engines_have_tables_of_their_own_and_what_they_have_in_common(read, tmp_path):
    made = read(NAMED).engines
    assert list(made) == ["house", "my-cloud"]
    house, cloud = made.values()
    assert (house.name, house.model, house.max_waiting) == ("house", str(tmp_path / "m.gguf"), 9)
    assert (cloud.name, cloud.max_waiting, cloud.fallbacks) == ("my-cloud", 7, ("house",))
    # A key goes to the address that it is for, and nowhere else.
    assert (cloud.api_key, cloud.input_price) == (None, 0.0)


def test_variables_reach_named_engines_and_make_new_ones(read):
    made = read(
        NAMED,
        LOREKEEPER__ENGINES__MY_CLOUD__API_KEY="s3cret",
        LOREKEEPER__ENGINES__MY_CLOUD__DAILY_CAP="2.5",
        LOREKEEPER__ENGINES__LATE__BASE_URLS="http://10.0.0.1:1/v1, http://10.0.0.2:1/v1",
    ).engines
    assert list(made) == ["house", "my-cloud", "late"]
    assert (made["my-cloud"].api_key, made["my-cloud"].daily_cap) == ("s3cret", 2.5)
    assert made["late"].addresses == ("http://10.0.0.1:1/v1", "http://10.0.0.2:1/v1")
    assert "s3cret" not in repr(made)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[engines.a]\nmodle = 'x'\n", "line 2: engines.a.modle: unknown key (did you mean engi"),
        ("[engines.a]\nname = 'x'\n", "line 2: engines.a.name: unknown key"),
        ("[engines.a]\nmax_waiting = 0\n", "line 2: engines.a.max_waiting: must lie between"),
        ("[engines]\na = 1\n", "line 2: engines.a: is a table: write [engines.a]"),
        ("engines = 1\n", "line 1: engines: has a table for each engine"),
        ("[engines.'A b']\nmodel = 'x'\n", "line 1: engines.A b: an engine's name has at most 32"),
        ("[engines.extractive]\nmodel = 'x'\n", "line 1: engines.extractive: is a name of ours"),
        ("[engine]\nfallbacks = ['b']\n", "line 2: engine.fallbacks: there is no [engines.b]"),
        (
            "[engines.a]\nbase_url = 'https://example.com'\nplace = 'local'\n",
            "line 3: engines.a.place: an address elsewhere is not local",
        ),
        ("[engine]\ndaily_cap = nan\n", "line 2: engine.daily_cap: must lie between"),
    ],
)
def test_what_is_wrong_with_a_named_engine_is_told_with_its_line(read, text, words):
    assert words in told(read, text)


def test_a_wrong_variable_of_a_named_engine_is_told_by_its_name(read):
    words = told(read, "", LOREKEEPER__ENGINES__A__MAX_WAITING="0")
    assert words.startswith("environment: LOREKEEPER__ENGINES__A__MAX_WAITING: must lie")
