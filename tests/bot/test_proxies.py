"""Which proxy a surface takes, and what an address of one must look like."""

from __future__ import annotations

import pytest

from bot.config import load
from bot.errors import ConfigError
from bot.proxies import problem_of, proxy_for, shown


@pytest.mark.parametrize(
    ("own", "common", "taken"),
    [
        (None, None, None),
        (None, "http://all:1", "http://all:1"),
        ("http://own:1", "http://all:1", "http://own:1"),
        ("", "http://all:1", "http://all:1"),
        ("direct", "http://all:1", None),
        (None, "direct", None),
    ],
)
def test_a_surface_takes_its_own_proxy_else_that_for_all_else_none(own, common, taken):
    assert proxy_for(own, common) == taken


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:3128", "https://name:word@proxy.example"])
def test_addresses_of_proxies_are_taken(proxy):
    assert problem_of(proxy) is None


@pytest.mark.parametrize(
    "proxy", ["127.0.0.1:3128", "proxy", "ftp://host:21", "http://", "http://h:port", "socks5://h"]
)
def test_what_is_no_address_of_a_proxy_is_told(proxy):
    assert "must be an address" in str(problem_of(proxy))


@pytest.mark.parametrize("missing", ["aiohttp_socks", "socksio"])
def test_socks_names_the_extra_that_it_needs(monkeypatch, missing):
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == missing else object()
    )
    assert "lorekeeper[socks]" in str(problem_of("socks5://127.0.0.1:1080"))


@pytest.mark.parametrize(
    ("proxy", "text"),
    [
        ("http://name:word@host:3128", "http://host:3128"),
        ("https://name@host", "https://host"),
        ("socks5://[::1]:1080", "socks5://[::1]:1080"),
    ],
)
def test_no_password_is_shown(proxy, text):
    assert shown(proxy) == text


@pytest.mark.parametrize("section", ["network", "discord", "telegram", "models", "embedding"])
def test_a_wrong_proxy_is_told_with_its_key_and_line(tmp_path, section):
    (tmp_path / "config.toml").write_text(f'[{section}]\nproxy = "localhost:3128"\n')
    with pytest.raises(ConfigError, match=rf"line 2: {section}\.proxy: must be an address"):
        load(tmp_path / "config.toml", {})


def test_each_engine_has_a_proxy_of_its_own_or_none(tmp_path):
    (tmp_path / "config.toml").write_text(
        '[engines.near]\nbase_url = "http://10.0.0.5/v1"\nproxy = "direct"\n'
        '[engines.far]\nbase_url = "https://llm.example/v1"\nproxy = "http://h:1"\n'
    )
    engines = load(tmp_path / "config.toml", {}).engines
    assert [proxy_for(one.proxy, "http://all:1") for one in engines.values()] == [
        None,
        "http://h:1",
    ]
    assert "http://h:1" not in repr(engines)
