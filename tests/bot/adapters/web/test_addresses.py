"""Requests that somebody who is logged in writes by hand, against the console as it is served."""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from bot.adapters.web import prepare
from bot.adapters.web.addresses import EXPORTS, is_exported, names_foreign_file
from bot.adapters.web.login import COOKIE
from bot.adapters.web.server import serving
from bot.settings import WebSettings
from core.accounts import Accounts
from core.database import Database
from tests.support.console import scripted_parts
from tests.support.scripted_inbox import ScriptedInbox

pytestmark = [
    # Gradio's own threads and sockets are collected when they are, not when a test ends.
    pytest.mark.filterwarnings("default::ResourceWarning"),
    pytest.mark.filterwarnings("default::DeprecationWarning"),
]
SECRET = "the token is 12345:lantern"
BOUNDARY = "between"


@dataclass
class Crafted:
    """A console with accounts, and files beside it that nobody is to read."""

    address: str
    data: Path
    uploads: Path
    tokens: dict[str, str]

    def ask(
        self, who: str, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> tuple[int, str]:
        """Status and text; the path goes as it is written."""
        where = urlsplit(self.address)
        with closing(http.client.HTTPConnection(where.hostname, where.port, timeout=60)) as line:
            line.putrequest("GET" if body is None else "POST", path)
            line.putheader("Cookie", f"{COOKIE}={self.tokens[who]}")
            line.putheader("Content-Type", kind)
            line.putheader("Content-Length", str(len(body or b"")))
            line.endheaders(body)
            answer = line.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")

    async def get(self, who: str, path: str) -> tuple[int, str]:
        return await asyncio.to_thread(self.ask, who, path)

    async def send(self, who: str, path: str, content: bytes) -> tuple[int, str]:
        """A file, as pages send it."""
        head = 'Content-Disposition: form-data; name="files"; filename="a.txt"'
        body = f"--{BOUNDARY}\r\n{head}\r\nContent-Type: text/plain\r\n\r\n".encode()
        body += content + f"\r\n--{BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return await asyncio.to_thread(self.ask, who, path, body, kind)

    async def act(self, who: str, element: str, event: str, data: list[object]) -> str:
        """What becomes of an event that a page could have had, with other values."""
        config = json.loads((await self.get(who, "/config"))[1])
        own = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == element)
        number = next(d["id"] for d in config["dependencies"] if [own, event] in d["targets"])
        call = {"data": data, "fn_index": number, "session_hash": f"{who}{number}"}
        joined = await asyncio.to_thread(
            self.ask, who, "/gradio_api/queue/join", json.dumps(call).encode()
        )
        assert joined[0] == 200, joined
        return (await self.get(who, f"/gradio_api/queue/data?session_hash={who}{number}"))[1]


@pytest.fixture
async def inbox() -> ScriptedInbox:
    return ScriptedInbox([])


@pytest.fixture
async def crafted(tmp_path, monkeypatch, inbox) -> AsyncIterator[Crafted]:
    data = tmp_path / "data"
    uploads = data / "uploads"
    if "gradio" in sys.modules:
        uploads.mkdir(parents=True)
        monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    else:
        prepare(uploads)
    from bot.adapters.web.console import Console

    for name in ("config.toml", "uploads/ab/mine.txt"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(SECRET, encoding="utf-8")
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        accounts = Accounts(database)
        tokens = {}
        for name, role in (("ann", "operator"), ("val", "viewer")):
            await accounts.make(name, role, "sesame sesame")
            tokens[name] = await accounts.begin(name)
        parts = replace(scripted_parts(inbox, database), max_file_mb=1)
        settings = WebSettings(port=0)
        async with serving(settings, Console(parts), accounts=accounts) as address:
            yield Crafted(address, data, uploads, tokens)


def spellings(path: Path) -> list[str]:
    """A file's path as attackers write it."""
    plain = path.as_posix()
    deep = "../" * 20 + plain.lstrip("/")
    twice = quote(quote(deep, safe=""), safe="")
    told = [plain, quote(plain, safe=""), deep, quote(deep, safe=""), twice]
    told += [f"file://{plain}", plain.replace("/", "//"), deep.replace("../", "..;/")]
    return [*told, deep.replace("/", "\\"), deep.replace("../", "....//"), f"{plain}%00.png"]


@pytest.mark.parametrize("who", ["ann", "val"])
async def test_no_address_of_the_pages_gives_a_file_of_the_machine(crafted, who):
    doors = ("/gradio_api/file=", "/gradio_api/file/", "/file=", "/file/", "/static/", "/assets/")
    doors += ("/svelte/", "/gradio_api/proxy=", "/proxy=", "/gradio_api/stream/", "/pwa_icon/")
    doors += ("/gradio_api/custom_component/1/client/x/", "/", "/theme.css/", "/gradio_api//file=")
    kept = [crafted.data / "config.toml", crafted.uploads / "ab" / "mine.txt"]
    for door in doors:
        for spelling in [one for path in kept for one in spellings(path)]:
            status, text = await crafted.get(who, door + spelling)
            assert SECRET not in text, door + spelling
            assert status in (303, 400, 401, 403, 404, 405, 422) or "<html" in text, door + spelling


@pytest.mark.parametrize("who", ["ann", "val"])
async def test_what_no_page_asks_for_is_not_there(crafted, who):
    for path in (
        "/gradio_api/proxy=http://127.0.0.1:1/x",
        "/gradio_api/proxy=https://x.hf.space/x",
        "/gradio_api/file=http://127.0.0.1:1/x",
        "/gradio_api/file=https://example.org/x",
        "/gradio_api/stream/s/r/1/playlist-file",
        "/gradio_api/token",
        "/gradio_api/vibe-code/",
        "/gradio_api/profiling/traces",
        "/gradio_api/runs",
    ):
        assert (await crafted.get(who, path))[0] == 404, path
    server = {"component_id": 1, "fn_name": "ls", "data": ["/"], "session_hash": "s"}
    for path in ("component_server", "component_server/", "call/x", "run/predict", "vibe-edit"):
        body = json.dumps(server).encode()
        status, _text = await asyncio.to_thread(crafted.ask, who, f"/gradio_api/{path}", body)
        assert status == 404, path
    for path in ("process_recording", "component_server"):
        assert (await crafted.send(who, f"/gradio_api/{path}", b"x"))[0] == 404


async def test_a_viewer_sends_no_file_and_an_operator_none_that_is_too_large(crafted):
    before = set(crafted.uploads.rglob("*"))
    for path in ("/gradio_api/upload", "/gradio_api/upload?upload_id=x", "/gradio_api/%75pload"):
        assert (await crafted.send("val", path, b"x"))[0] == 403
    assert (await crafted.send("ann", "/gradio_api/upload", b"x" * (2 << 20)))[0] == 413
    assert set(crafted.uploads.rglob("*")) == before
    status, told = await crafted.send("ann", "/gradio_api/upload", b"small")
    assert status == 200
    (sent,) = json.loads(told)
    assert await asyncio.to_thread(Path(sent).read_text, encoding="utf-8") == "small"
    for who in ("ann", "val"):
        assert (await crafted.get(who, f"/gradio_api/file={quote(sent)}"))[0] == 404


async def test_what_was_exported_is_given_to_operators_alone(crafted):
    made = crafted.uploads / f"{EXPORTS}x1" / "base.zip"
    made.parent.mkdir()
    made.write_bytes(b"all of it")
    address = f"/gradio_api/file={quote(str(made))}"
    assert await crafted.get("ann", address) == (200, "all of it")
    assert (await crafted.get("val", address))[0] == 404


@pytest.mark.parametrize("who", ["ann", "val"])
async def test_a_page_that_names_a_file_which_it_has_not_sent_is_refused(crafted, inbox, who):
    before = set(crafted.uploads.rglob("*"))
    outside = crafted.data / "config.toml"
    for path in (str(outside), f"{crafted.uploads}/../config.toml", "http://127.0.0.1:1/x"):
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        told = await crafted.act(who, "upload", "upload", [[file], "shared", []])
        assert '"success":false' in told.replace(" ", "")
        assert SECRET not in told
    assert inbox.messages == []
    assert set(crafted.uploads.rglob("*")) == before


def test_files_that_no_page_sent_are_told_from_those_that_one_did(tmp_path):
    sent = {"path": str(tmp_path / "ab" / "a.txt"), "meta": {"_type": "gradio.FileData"}}
    assert not names_foreign_file(["path", 7, None, [sent], {"files": [sent]}], tmp_path)
    for path in ("/etc/passwd", "a.txt", f"{tmp_path}/../b", "https://example.org/a", "a\0b", "~"):
        assert names_foreign_file([{"deep": [{**sent, "path": path}]}], tmp_path), path


def test_only_files_right_in_a_folder_of_exports_were_exported(tmp_path):
    made = tmp_path / f"{EXPORTS}1" / "deep" / "a.zip"
    made.parent.mkdir(parents=True)
    made.write_text("a")
    own = made.parent.parent / "a.zip"
    own.write_text("a")
    (made.parent.parent / "led.zip").symlink_to(made)
    assert is_exported(str(own), tmp_path)
    assert is_exported(f"{tmp_path}/x/../{EXPORTS}1/a.zip", tmp_path)
    for path in (made, own.parent, own.parent / "led.zip", own.parent / "none.zip", "a.zip"):
        assert not is_exported(str(path), tmp_path)
