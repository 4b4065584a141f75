import re
from collections.abc import AsyncGenerator

import aiohttp
import pytest
from yarl import URL

from bot.loopback.driver import LoopbackDiscord
from bot.loopback.options import LocalFile
from bot.playground.guard import Guard
from bot.playground.phone import own_address, qr_code, qr_picture
from bot.playground.scene import Scene
from bot.playground.serve import Playground, playground

from .conftest import Visitor


@pytest.fixture
async def opened(discord: LoopbackDiscord, scene: Scene) -> AsyncGenerator[Playground]:
    async with playground(discord, lan=True) as shown:
        yield shown


async def status(visitor: Visitor, path: str = "/", method: str = "GET", **headers: str) -> int:
    async with visitor.session.request(method, visitor.origin + path, headers=headers) as answer:
        return answer.status


async def test_page_and_everything_that_it_names_is_served(visitor: Visitor) -> None:
    async with visitor.session.get(visitor.link) as answer:
        html = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "'unsafe-inline'" not in policy
    waiting, seen = set(re.findall(r'(?:src|href)="(/page/[^"]+)"', html)), set[str]()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        async with visitor.session.get(visitor.origin + path) as answer:
            assert answer.status == 200, path
            text = await answer.text()
        waiting |= {f"/page/{name}" for name in re.findall(r'from "\./([^"]+)"', text)} - seen
    assert "/page/markdown.js" in seen


async def test_page_holds_nothing_of_other_sites(visitor: Visitor) -> None:
    async with visitor.session.get(visitor.link) as answer:
        assert not re.search(r'(?:src|href)="(?:https?:)?//', await answer.text())


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1:1",
        "127.0.0.1.evil.example:{port}",
        "10.0.0.1:{port}",
    ],
)
async def test_strange_host_is_refused(visitor: Visitor, host: str) -> None:
    port = str(URL(visitor.link).port)
    assert await status(visitor, Host=host.format(port=port)) == 403


async def test_own_names_are_let_in(visitor: Visitor) -> None:
    for host in ("localhost", "127.0.0.1"):
        assert await status(visitor, Host=f"{host}:{URL(visitor.link).port}") == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", None])
async def test_change_from_elsewhere_is_refused(
    visitor: Visitor, discord: LoopbackDiscord, origin: str | None
) -> None:
    scene = visitor.scene
    path = f"/playground/api/as/{scene.mia.id}/channels/{scene.general.id}/messages"
    headers = {} if origin is None else {"Origin": origin}
    assert await status(visitor, path, "POST", **headers) == 403
    assert discord.messages(scene.general) == []


@pytest.mark.parametrize("origin", ["http://evil.example", None])
async def test_socket_from_elsewhere_is_refused(visitor: Visitor, origin: str | None) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await visitor.session.ws_connect(visitor.path(visitor.scene.mia, "live"), origin=origin)
    assert caught.value.status == 403


async def test_reading_for_another_site_is_refused(visitor: Visitor) -> None:
    path = f"/playground/api/as/{visitor.scene.mia.id}/home"
    assert await status(visitor, path, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert await status(visitor, path, **{"Sec-Fetch-Site": "same-origin"}) == 200
    assert await status(visitor, "/", **{"Sec-Fetch-Site": "cross-site"}) == 200


async def test_uploaded_page_is_never_run(visitor: Visitor, discord: LoopbackDiscord) -> None:
    scene = visitor.scene
    files = [LocalFile("evil.html", b"<script>alert(1)</script>"), LocalFile("evil.svg", b"<svg/>")]
    discord.as_user(scene.mia).send(scene.general, files=files)
    (message,) = await visitor.messages(scene.noah, scene.general)
    for attachment in message["attachments"]:
        assert attachment["url"].startswith("/attachments/")
        async with visitor.session.get(visitor.origin + attachment["url"]) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Disposition"] == "attachment"
            assert answer.headers["Content-Security-Policy"].startswith("sandbox")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_page_offers_neither_the_api_of_the_bot_nor_its_gateway(visitor: Visitor) -> None:
    assert await status(visitor, "/api/v10/gateway") == 404
    assert await status(visitor, "/gateway/") == 404


async def test_without_a_ticket_nothing_is_shown_to_the_network(opened: Playground, scene: Scene) -> None:
    link = URL(opened.link)
    async with aiohttp.ClientSession() as session:
        for path in (
            "/",
            "/page/main.js",
            "/playground/api/people",
            f"/playground/api/as/{scene.mia.id}/live",
        ):
            async with session.get(link.with_path(path)) as answer:
                assert answer.status == 401, path
        async with session.get(link.with_query(ticket="guessed")) as answer:
            assert answer.status == 401


async def test_ticket_lets_one_browser_in_once(opened: Playground) -> None:
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as first,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as second,
    ):
        async with first.get(opened.link) as answer:
            assert answer.status == 200
            assert "ticket" not in answer.url.query
        async with first.get(URL(opened.link).with_path("/playground/api/people").with_query({})) as answer:
            assert answer.status == 200
        async with second.get(opened.link) as answer:
            assert answer.status == 401
        async with first.get(opened.link) as answer:
            assert answer.status == 200


async def test_cookie_is_kept_from_scripts_and_other_sites(opened: Playground) -> None:
    async with aiohttp.ClientSession() as session, session.get(opened.link, allow_redirects=False) as answer:
        (cookie,) = answer.cookies.values()
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


async def test_every_device_has_a_ticket_of_its_own(opened: Playground) -> None:
    if opened.phone_link is None:
        pytest.skip("needs a network")
    assert URL(opened.phone_link).query["ticket"] != URL(opened.link).query["ticket"]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as phone:
        async with phone.get(opened.phone_link) as answer:
            assert answer.status == 200
        origin = str(URL(opened.phone_link).origin())
        made = phone.post(f"{origin}/playground/api/tickets", headers={"Origin": origin})
        async with made as answer:
            told = await answer.json()
    assert URL(told["link"]).query["ticket"]
    assert told["picture"].startswith("data:image/svg+xml")


async def test_closed_playground_gives_no_tickets(visitor: Visitor) -> None:
    headers = {"Origin": visitor.origin}
    assert await status(visitor, "/playground/api/tickets", "POST", **headers) == 409


async def test_name_that_points_at_this_machine_is_refused_with_a_ticket_too(opened: Playground) -> None:
    port = URL(opened.link).port
    headers = {"Host": f"evil.example:{port}"}
    async with aiohttp.ClientSession() as session, session.get(opened.link, headers=headers) as answer:
        assert answer.status == 403


def test_code_for_the_phone_is_drawn() -> None:
    assert len(qr_code("http://192.0.2.7:8000/?ticket=abc").splitlines()) > 10
    assert qr_picture("http://192.0.2.7:8000/").startswith("data:image/svg+xml")
    address = own_address()
    assert address is None or not address.startswith("127.")


def test_tickets_are_never_the_same() -> None:
    guard = Guard(is_open=True)
    assert len({guard.ticket() for _ in range(20)}) == 20
