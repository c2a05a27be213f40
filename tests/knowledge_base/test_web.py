from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp.resolver import ThreadedResolver
from aiohttp.test_utils import TestServer

from knowledge_base.addresses import is_disguised, is_inside, is_public
from knowledge_base.errors import LimitExceededError, PageNotFetchedError, PageRefusedError
from knowledge_base.loaders import load_as
from knowledge_base.loaders.source import Source
from knowledge_base.models import PAGE_TYPE
from knowledge_base.settings import PageSettings
from knowledge_base.web import WebPages, document_name, everywhere
from tests.support.web_pages import serving

ROOT = Path(__file__).parents[2]

REFUSED = (
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "0.0.0.0",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.0.192",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "::ffff:0:127.0.0.1",
    "3fff::1",
)


@pytest.mark.parametrize("written", REFUSED)
def test_an_address_that_is_not_public_is_told(written):
    assert not is_public(ip_address(written))


@pytest.mark.parametrize("written", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_a_public_address_is_told(written):
    assert is_public(ip_address(written))


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "1."]
)
def test_an_address_in_disguise_is_told(host):
    assert is_disguised(host)


def test_names_of_one_network_are_told():
    inside = [
        "localhost", "printer", "db.internal", "a.local", "x.localhost.", "metadata.google.internal"
    ]  # fmt: skip
    assert [is_inside(host) for host in inside] == [True] * len(inside)
    assert not is_inside("localhost.example.com")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("ftp://example.com/a", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://127.0.0.1:70/_x", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("example.com/a", "scheme"),
        ("http:///a", "form"),
        ("http://exa mple.com/", "form"),
        ("http://example.com\\@127.0.0.1/", "form"),
        ("http://[::1", "form"),
        ("http://example.com:99999/", "form"),
        ("http://user:secret@example.com/", "credentials"),
        ("http://@example.com/", "credentials"),
        ("http://example.com:22/", "port"),
        ("https://example.com:8443/", "port"),
        ("http://localhost/", "address"),
        ("http://metadata.google.internal/computeMetadata/v1/", "address"),
        ("http://2130706433/", "address"),
        ("http://0x7f.1/", "address"),
        ("http://①②⑦.⓪.⓪.①/", "address"),
        ("http://１６９．２５４．１６９．２５４/", "address"),
        ("http://a.127。0。0。1/", "address"),
        ("http://ｍetadata.google.internal/", "address"),
        ("http://exa%6dple.com/", "form"),
        *((f"http://[{a}]/" if ":" in a else f"http://{a}/", "address") for a in REFUSED),
    ],
)
async def test_an_address_that_leads_elsewhere_is_refused_before_anything_is_asked(
    tmp_path, address, reason
):
    with pytest.raises(PageRefusedError) as refused:
        await WebPages().fetch(address, tmp_path)
    assert (refused.value.reason, list(tmp_path.iterdir())) == (reason, [])


def naming(monkeypatch, *answers: str) -> list[str]:
    """Let every name be answered with these addresses, one after the other, then the last."""
    asked: list[str] = []
    known = list(answers)

    def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):  # noqa: A002
        asked.append(host)
        address = known.pop(0) if len(known) > 1 else known[0]
        own = socket.AF_INET6 if ":" in address else socket.AF_INET
        rest = (address, port or 0, 0, 0) if ":" in address else (address, port or 0)
        return [(own, socket.SOCK_STREAM, 6, "", rest)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("answer", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fd00::1"])
async def test_a_name_that_leads_inside_is_refused(tmp_path, monkeypatch, answer):
    naming(monkeypatch, answer)
    with pytest.raises(PageRefusedError) as refused:
        await WebPages().fetch("http://rebind.example.com/", tmp_path)
    assert refused.value.reason == "address"


async def test_a_name_that_answers_differently_the_second_time_gets_nowhere(tmp_path, monkeypatch):
    async with serving() as (server, pages):
        ports = (server.port,)
        public = ip_address("93.184.216.34")
        # The check allows the first answer alone; the redirect asks for the name again.
        asked = naming(monkeypatch, "127.0.0.1", "127.0.0.2")
        once = WebPages(
            PageSettings(page_ports=ports),
            permits=lambda address: address in (public, ip_address("127.0.0.1")),
        )
        with pytest.raises(PageRefusedError) as refused:
            await once.fetch(f"http://rebind.example.com:{server.port}/again", tmp_path)
        assert (refused.value.reason, len(asked)) == ("address", 2)
        assert pages.asked == ["/again"]


@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("order", [1, -1])
async def test_a_name_of_which_one_address_leads_inside_is_refused_whole(
    tmp_path, monkeypatch, order, proxied
):
    async with serving() as (server, pages):
        there = ["127.0.0.1", "10.0.0.1"][::order]
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, server.port)) for address in there
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_asked, **_more: found)
        own = WebPages(
            PageSettings(page_ports=(server.port,)),
            proxy=f"http://127.0.0.1:{server.port}" if proxied else None,
            # The server of this test stands for a public one.
            permits=lambda address: address == ip_address("127.0.0.1"),
        )
        with pytest.raises(PageRefusedError) as refused:
            await own.fetch(f"http://both.example.com:{server.port}/lighthouse", tmp_path)
        assert (refused.value.reason, pages.asked) == ("address", [])


async def test_a_name_server_that_does_not_answer_holds_up_nobody_else(tmp_path, monkeypatch):
    waits, go = threading.Semaphore(0), threading.Event()

    def getaddrinfo(*_asked, **_more):
        waits.release()
        go.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "again")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    pages = WebPages(PageSettings(page_seconds=0.1))
    fetches = [pages.fetch(f"http://{n}.example.com/", tmp_path) for n in range(40)]
    given_up = await asyncio.gather(*fetches, return_exceptions=True)
    assert all(isinstance(one, PageNotFetchedError) and one.timed_out for one in given_up)
    # While they still wait, whatever else needs a thread has one.
    async with asyncio.timeout(20):
        assert await asyncio.to_thread(waits.acquire, timeout=10)
    go.set()


async def test_no_socket_is_made_for_an_address_that_was_not_looked_at(tmp_path, monkeypatch):
    async with serving() as (server, pages):
        naming(monkeypatch, "127.0.0.1")
        monkeypatch.setattr("knowledge_base.web._guarded_resolver", lambda _g: ThreadedResolver())
        own = WebPages(PageSettings(page_ports=(server.port,)))
        with pytest.raises(PageRefusedError) as refused:
            await own.fetch(f"http://example.com:{server.port}/", tmp_path)
        assert (refused.value.reason, pages.asked) == ("address", [])


@asynccontextmanager
async def fetching(**settings) -> AsyncIterator[tuple[TestServer, WebPages, object]]:
    async with serving() as (server, pages):
        limit = settings.pop("max_file_mb", 50)
        own = PageSettings(page_ports=(server.port,), **settings)
        yield server, WebPages(own, limit, permits=everywhere), pages


async def test_a_page_comes_with_its_address_title_and_main_text(tmp_path):
    async with fetching() as (server, web_pages, _pages):
        at = f"127.0.0.1:{server.port}/lighthouse?lang=en"
        upload = await web_pages.fetch(f"http://{at}#history", tmp_path)
    assert upload.source == f"http://{at}"
    assert upload.name == at
    assert upload.media_type == PAGE_TYPE
    sections = load_as(Source(upload.path, upload.name, PAGE_TYPE))
    text = "\n".join(section.text for section in sections)
    assert "built by Ptolemy" in text
    assert "Height: 55 m" in text
    assert "Privacy policy" not in text
    assert "Log in" not in text
    assert "The Lighthouse of Pharos" in (sections[0].heading or "")


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("/gbk", "港口的灯塔"), ("/big5", "港口的燈塔"), ("/latin", "Café à Genève")],
)
async def test_the_encoding_that_only_the_server_tells_is_heeded(tmp_path, path, wanted):
    async with fetching() as (server, web_pages, _pages):
        upload = await web_pages.fetch(f"http://127.0.0.1:{server.port}{path}", tmp_path)
    sections = load_as(Source(upload.path, upload.name, PAGE_TYPE))
    assert wanted in "\n".join(section.text for section in sections)


async def test_redirects_are_followed_and_the_address_asked_for_stays_the_source(tmp_path):
    async with fetching() as (server, web_pages, pages):
        address = f"http://127.0.0.1:{server.port}/moved"
        upload = await web_pages.fetch(address, tmp_path)
        assert pages.asked == ["/moved", "/lighthouse"]
    assert upload.source == address
    assert "cookie" not in pages.headers[-1]


async def test_a_circle_of_redirects_ends(tmp_path):
    async with fetching() as (server, web_pages, pages):
        with pytest.raises(PageRefusedError) as refused:
            await web_pages.fetch(f"http://127.0.0.1:{server.port}/circle", tmp_path)
    assert (refused.value.reason, len(pages.asked)) == ("redirects", 6)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data/", "address"),
        ("http://[::ffff:127.0.0.1]/", "address"),
        ("file:///etc/passwd", "scheme"),
        ("http://a:b@example.com/", "credentials"),
        ("//example.com:6379/", "port"),
    ],
)
async def test_a_redirect_is_looked_at_like_the_first_address(tmp_path, target, reason):
    async with serving(redirect=target) as (server, pages):
        # This machine's one server is allowed, so that it can redirect at all.
        own = WebPages(
            PageSettings(page_ports=(80, server.port)),
            permits=lambda address: address == ip_address("127.0.0.1"),
        )
        with pytest.raises(PageRefusedError) as refused:
            await own.fetch(f"http://127.0.0.1:{server.port}/leave", tmp_path)
    assert (refused.value.reason, pages.asked) == (reason, ["/leave"])


async def test_a_page_past_the_size_is_given_up_packed_or_not(tmp_path):
    async with fetching(max_file_mb=1) as (server, web_pages, _pages):
        for path in ("/endless", "/bomb"):
            with pytest.raises(LimitExceededError):
                await web_pages.fetch(f"http://127.0.0.1:{server.port}{path}", tmp_path)


async def test_a_server_that_dawdles_is_given_up(tmp_path):
    async with fetching(page_seconds=0.3) as (server, web_pages, _pages):
        with pytest.raises(PageNotFetchedError) as given_up:
            await web_pages.fetch(f"http://127.0.0.1:{server.port}/slow", tmp_path)
    assert given_up.value.timed_out


async def test_what_the_server_answers_instead_is_told(tmp_path):
    async with fetching() as (server, web_pages, _pages):
        with pytest.raises(PageNotFetchedError) as missing:
            await web_pages.fetch(f"http://127.0.0.1:{server.port}/nowhere", tmp_path)
    assert missing.value.status == 404


async def test_another_document_is_told_by_its_content_not_by_what_the_server_says(tmp_path):
    async with fetching() as (server, web_pages, _pages):
        upload = await web_pages.fetch(f"http://127.0.0.1:{server.port}/paper.pdf", tmp_path)
        plain = await web_pages.fetch(f"http://127.0.0.1:{server.port}/notes.txt", tmp_path)
    assert upload.media_type is None
    assert upload.path.read_bytes().startswith(b"%PDF-")
    assert (plain.media_type, plain.path.read_text()) == (None, "plain words")


async def test_through_a_proxy_the_name_is_looked_at_here_and_addresses_are_refused(
    tmp_path, monkeypatch
):
    async with serving() as (server, pages):
        proxied = WebPages(proxy=f"http://127.0.0.1:{server.port}")
        for address in ("http://93.184.216.34/", "http://[2606:4700::1111]/"):
            with pytest.raises(PageRefusedError):
                await proxied.fetch(address, tmp_path)
        asked = naming(monkeypatch, "10.0.0.7")
        with pytest.raises(PageRefusedError):
            await proxied.fetch("http://inside.example.com/", tmp_path)
        assert (asked, pages.asked) == (["inside.example.com"], [])


async def test_a_proxy_is_asked_for_a_public_name(tmp_path, monkeypatch):
    async with serving() as (server, pages):
        real = socket.getaddrinfo

        def getaddrinfo(host, *rest, **more):
            if host == "example.com":
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 0))]
            return real(host, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        proxied = WebPages(proxy=f"http://127.0.0.1:{server.port}")
        upload = await proxied.fetch("http://example.com/lighthouse", tmp_path)
        assert pages.asked == ["/lighthouse"]
    assert upload.name == "example.com/lighthouse"


def test_a_page_is_named_by_its_address_as_people_read_it():
    assert document_name("https://zh.example.org/wiki/%E7%81%AF%E5%A1%94/") == (
        "zh.example.org/wiki/灯塔"
    )
    assert document_name("https://xn--fiqs8s.example/") == "中国.example"
    long = document_name(f"https://example.com/{'a' * 500}")
    assert len(long) < 200
    assert long != document_name(f"https://example.com/{'a' * 501}")
    assert document_name("https://example.com/a%00%0Ab") == "example.com/a__b"


@pytest.mark.parametrize("comment", ["<!-- -->", "<!----> ", "<!--<!---->\n"])
def test_a_thousand_comments_before_nothing_are_read_at_once(comment):
    reading = (
        "from knowledge_base.web import _is_page\n"
        f"assert not _is_page({comment!r}.encode() * 1000 + b'x', 'text/plain', 'text/plain')\n"
        f"assert _is_page({comment!r}.encode() * 100 + b'<html>', 'text/plain', 'text/plain')"
    )
    # Another process can be ended: a pattern that goes through all ways to read it never returns.
    subprocess.run([sys.executable, "-c", reading], cwd=ROOT, check=True, timeout=60)
