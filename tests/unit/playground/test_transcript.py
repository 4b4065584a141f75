import pytest

from bot.loopback.driver import LoopbackDiscord
from bot.loopback.messages import Draft, create_message
from bot.loopback.models import Upload
from bot.playground.markup import to_html, to_plain
from bot.playground.scene import furnish
from bot.playground.transcript import transcript

NAMES = {7: "Mia"}
PICTURE = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("text", "html", "plain"),
    [
        ("### Nova is *ready*", '<p class="size-3">Nova is <em>ready</em></p>', "Nova is ready"),
        ("-# seed **4711**", '<p class="subtext">seed <strong>4711</strong></p>', "seed 4711"),
        (r"5 \* 3 \*\*x\*\*", "<p>5 * 3 **x**</p>", "5 * 3 **x**"),
        ("**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>", "a b c"),
        ("`<b>` & \"'", "<p><code>&lt;b&gt;</code> &amp; &quot;&#x27;</p>", "<b> & \"'"),
        ("<@7> and <@8>", None, "@Mia and @unknown"),
        ("ready <t:100:R>", None, "ready in 40 s"),
        ("ready <t:60:R>", None, "ready now"),
        ("ready <t:20>", None, "ready 40 s ago"),
        ("<t:123456789012:R>", "<p>&lt;t:123456789012:R&gt;</p>", "<t:123456789012:R>"),
        ("one\n\ntwo", "<p>one</p><p></p><p>two</p>", "one. two"),
    ],
)
def test_markdown_becomes_html_and_words(text: str, html: str | None, plain: str) -> None:
    assert to_plain(text, NAMES, now=60.0) == plain
    if html is not None:
        assert to_html(text, NAMES) == html


def test_mentions_and_moments_are_named() -> None:
    html = to_html("<@7> at <t:0:R>", NAMES)
    assert '<span class="mention">@Mia</span>' in html
    assert "1970-01-01 00:00 UTC" in html


async def test_page_holds_its_pictures_and_nothing_that_runs() -> None:
    discord = LoopbackDiscord()
    scene = furnish(discord)
    evil = "<script>alert(1)</script> <img src=x onerror=alert(1)> ![x](javascript:alert(1))"
    upload = Upload(key=0, filename="nova.png", data=PICTURE, content_type="image/png")
    body = {
        "flags": 1 << 15,
        "components": [
            {
                "type": 17,
                "accent_color": 0x00FF00,
                "components": [
                    {"type": 10, "content": evil},
                    {
                        "type": 12,
                        "items": [{"media": {"url": "attachment://nova.png"}, "description": '"><b>'}],
                    },
                    {
                        "type": 1,
                        "components": [{"type": 2, "style": 4, "label": "<i>", "custom_id": "x"}],
                    },
                ],
            }
        ],
        "attachments": [{"id": 0, "filename": "nova.png"}],
    }
    draft = Draft(author_id=discord.bot.id, body=body, uploads=(upload,))
    message = create_message(discord.world, scene.general, draft)
    discord.as_user(scene.mia).send(scene.general, evil)
    page = transcript(discord.world, discord.messages(scene.general), title="</title><b>", subtitle="<i>")
    assert message.attachments
    assert page.count("<article") == 2
    assert page.count("data:image/png;base64,iVBORw0KGgo=") == 1
    for tag in ("<script", "<i>", "<b>", "<img src=x", "</title><"):
        assert tag not in page
    assert "&lt;script&gt;" in page
    assert '--edge: #00ff00"' in page
    assert "script-src" not in page
    assert "default-src 'none'" in page
