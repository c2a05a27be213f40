"""The door: who gets in, as whom, and what no page of somebody else can do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from bot.adapters.web.attempts import FROM_ONE_ADDRESS
from bot.adapters.web.guard import HostGuard
from bot.adapters.web.login import COOKIE, Door
from bot.adapters.web.visitors import visitor_in
from core.accounts import IDLE_SECONDS, Accounts
from core.database import Database


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def page(scope, receive, send):
    """Says whom it was shown to."""
    visitor = visitor_in(Request(scope, receive).scope)
    await JSONResponse([visitor.name, visitor.role])(scope, receive, send)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def accounts(tmp_path, clock):
    async with Database.open(tmp_path / "lorekeeper.db") as database:
        made = Accounts(database, clock=clock)
        await made.make("ann", "operator", "sesame sesame")
        await made.make("val", "viewer", "open barley")
        yield made


@asynccontextmanager
async def browser(accounts, clock, scheme="http"):
    guard = HostGuard(page, door=Door(accounts, clock=clock))
    transport = httpx2.ASGITransport(app=guard, client=("10.0.0.7", 5000))
    address = f"{scheme}://lore.example"
    async with httpx2.AsyncClient(transport=transport, base_url=address) as client:
        yield client


async def log_in(client, name="ann", password="sesame sesame", **fields):
    return await client.post("/login", data={"name": name, "password": password, **fields})


async def test_without_a_session_everything_leads_to_the_login(accounts, clock):
    async with browser(accounts, clock) as client:
        html = {"accept": "text/html"}
        sent = await client.get("/knowledge", headers=html)
        assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=/knowledge")
        for path in ("/config", "/gradio_api/info", "/gradio_api/queue/data", "/gradio_api/file=x"):
            assert (await client.get(path)).status_code == 401
        for path in ("/gradio_api/queue/join", "/gradio_api/upload"):
            assert (await client.post(path)).status_code == 401
        assert (await client.get("/", headers={"cookie": f"{COOKIE}=guessed"})).status_code == 401
        assert (await client.get("/", headers={"cookie": "=;;\x01="})).status_code == 401


@pytest.mark.parametrize(
    "other",
    ['settings={"dark": true}', "a b=1", "flag", "名字=安", "list[0]=1", "x=1;"],
)
async def test_whatever_else_on_this_host_sets_as_a_cookie_keeps_nobody_out(accounts, clock, other):
    """Browsers send what every program on the host has set, whatever its port."""
    async with browser(accounts, clock) as client:
        await log_in(client)
        token = client.cookies[COOKIE]
        client.cookies.clear()
        for cookie in (f"{other}; {COOKIE}={token}", f"{COOKIE}={token}; {other}"):
            headers = {"cookie": cookie.encode()}
            assert (await client.get("/", headers=headers)).json() == ["ann", "operator"]
        await client.post("/logout", headers=headers)
        assert (await client.get("/", headers=headers)).status_code == 401


async def test_the_address_that_was_wanted_is_gone_on_to_with_its_question(accounts, clock):
    async with browser(accounts, clock) as client:
        sent = await client.get("/?c=7&d=%2F", headers={"accept": "text/html"})
        assert sent.headers["location"] == "/login?next=/%3Fc%3D7%26d%3D%252F"
        done = await log_in(client, next="/?c=7&d=%2F")
        assert done.headers["location"] == "/?c=7&d=%2F"


async def test_a_form_that_is_none_is_a_wrong_password_and_no_defect(accounts, clock):
    async with browser(accounts, clock) as client:
        many = {f"field {number}": "x" for number in range(20)}
        assert (await client.post("/login", data=many)).status_code == 401
        assert (await client.get("/login", params={"next": "http://["})).status_code == 200
        assert (await client.get("/", headers={"origin": "http://["})).status_code == 403


async def test_who_logs_in_is_known_until_they_log_out(accounts, clock):
    async with browser(accounts, clock) as client:
        done = await log_in(client, next="/dashboard")
        assert (done.status_code, done.headers["location"]) == (303, "/dashboard")
        cookie = done.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "secure" not in cookie
        assert (await client.get("/")).json() == ["ann", "operator"]
        token = client.cookies[COOKIE]
        assert (await client.post("/logout")).headers["location"] == "/login"
        assert (await client.get("/", headers={"cookie": f"{COOKIE}={token}"})).status_code == 401


async def test_behind_tls_the_cookie_stays_there(accounts, clock):
    async with browser(accounts, clock, "https") as client:
        assert "secure" in (await log_in(client)).headers["set-cookie"].lower()
    async with browser(accounts, clock) as client:
        client.headers["x-forwarded-proto"] = "https"
        assert "secure" in (await log_in(client)).headers["set-cookie"].lower()


async def test_a_wrong_password_is_told_without_saying_what_was_wrong(accounts, clock):
    async with browser(accounts, clock) as client:
        wrong = await log_in(client, password="<b>guess</b>")
        unknown = await log_in(client, name='"><script>', password="guess")
        assert (wrong.status_code, unknown.status_code) == (401, 401)
        assert "do not belong together" in wrong.text
        assert "do not belong together" in unknown.text
        assert "<script>" not in unknown.text
        assert "set-cookie" not in wrong.headers
        chinese = await client.get("/login", headers={"accept-language": "zh-CN,zh;q=0.9"})
        assert 'lang="zh-CN"' in chinese.text
        assert "登录" in chinese.text


async def test_guessing_ends_soon_also_for_who_then_knows_the_password(accounts, clock):
    async with browser(accounts, clock) as client:
        for number in range(FROM_ONE_ADDRESS):
            assert (await log_in(client, password=f"guess {number}")).status_code == 401
        last = await log_in(client)
        assert last.status_code == 429
        assert int(last.headers["retry-after"]) > 0
        clock.now += 601
        assert (await log_in(client)).status_code == 303


async def test_a_session_ends_when_nobody_uses_it(accounts, clock):
    async with browser(accounts, clock) as client:
        await log_in(client)
        clock.now += IDLE_SECONDS
        assert (await client.get("/")).status_code == 401


async def test_a_new_login_does_not_go_on_with_the_session_that_was_there(accounts, clock):
    async with browser(accounts, clock) as client:
        await log_in(client)
        planted = client.cookies[COOKIE]
        await log_in(client, "val", "open barley")
        assert client.cookies[COOKIE] != planted
        assert await accounts.session(planted) is None


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "http://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\nb",
        "",
    ],
)
async def test_logging_in_leads_nowhere_else(accounts, clock, wanted):
    async with browser(accounts, clock) as client:
        assert (await log_in(client, next=wanted)).headers["location"] == "/"


async def test_a_viewer_sends_no_files(accounts, clock):
    async with browser(accounts, clock) as client:
        await log_in(client, "val", "open barley")
        assert (await client.get("/")).json() == ["val", "viewer"]
        assert (await client.post("/gradio_api/upload")).status_code == 403
        await log_in(client)
        assert (await client.post("/gradio_api/upload")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"},
    ],
)
async def test_another_page_changes_nothing_in_the_name_of_who_is_logged_in(
    accounts, clock, headers
):
    async with browser(accounts, clock) as client:
        await log_in(client)
        for path in ("/gradio_api/queue/join", "/gradio_api/upload", "/logout", "/login"):
            assert (await client.post(path, headers=headers)).status_code == 403
        assert (await client.get("/")).json() == ["ann", "operator"]


async def test_a_link_on_another_page_may_be_followed_and_nothing_fetched(accounts, clock):
    async with browser(accounts, clock) as client:
        await log_in(client)
        for mode, status in (("navigate", 200), ("no-cors", 403), ("cors", 403)):
            headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": mode}
            assert (await client.get("/", headers=headers)).status_code == status


async def test_every_answer_says_that_nothing_of_others_may_be_loaded(accounts, clock):
    async with browser(accounts, clock) as client:
        answers = [await client.get("/login"), await client.get("/"), await log_in(client)]
        for answer in answers:
            assert "default-src 'self'" in answer.headers["content-security-policy"]
            assert answer.headers["x-frame-options"] == "DENY"


async def test_a_form_without_end_is_not_read(accounts, clock):
    async with browser(accounts, clock) as client:
        assert (await log_in(client, next="x" * 100_000)).status_code == 401


async def test_the_first_account_closes_the_door_of_a_running_console(tmp_path, clock):
    async with Database.open(tmp_path / "own.db") as database:
        accounts = Accounts(database)
        guard = HostGuard(page, door=Door(accounts, clock=clock))
        transport = httpx2.ASGITransport(app=guard)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:7860"
        ) as client:
            assert (await client.get("/")).json() == ["operator", "operator"]
            await Accounts(database).make("ann", "operator", "sesame sesame")
            clock.now += 3
            assert (await client.get("/")).status_code == 401
            await Accounts(database).remove("ann")
            clock.now += 3
            assert (await client.get("/")).status_code == 200
            elsewhere = {"host": "lore.example"}
            refused = await client.get("/", headers=elsewhere)
            assert refused.status_code == 403
            assert "console add-user" in refused.text


async def test_a_flood_of_guesses_holds_nobody_up_for_long(accounts, clock):
    let_go = asyncio.Event()

    class Slow(Accounts):
        async def verified(self, name, password):
            await let_go.wait()
            return

    guard = HostGuard(page, door=Door(Slow(accounts._database), clock=clock))
    transport = httpx2.ASGITransport(app=guard, client=("127.0.0.1", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://lore.example") as client:
        tries = [asyncio.create_task(log_in(client, f"name {n}")) for n in range(60)]
        while sum(one.done() for one in tries) < 20:  # noqa: ASYNC110
            await asyncio.sleep(0)
        sent_away = [one.result() for one in tries if one.done()]
        tried = [one for one in tries if not one.done()]
        assert {(one.status_code, one.headers["retry-after"]) for one in sent_away} == {(429, "5")}
        let_go.set()
        assert {one.status_code for one in await asyncio.gather(*tried)} == {401}
        # Nobody was sent away for what others did: the next is tried again.
        assert (await log_in(client, "another")).status_code == 401
