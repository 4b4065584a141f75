"""Who may reach the page: this machine alone, or whoever holds a ticket; and no other site in their browser.

A page of another site can make a browser send requests here, and a name that it controls can be pointed at
this machine ("DNS rebinding"). So the host that is asked for must be this one by number, whatever changes
something must come from the page itself, and nothing may be embedded elsewhere.

Source: OWASP Cross-Site Request Forgery Prevention, "Verifying Origin"; Fetch Metadata, W3C.
"""

import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TICKET = "ticket"
_SAFE = frozenset({"GET", "HEAD"})
_OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_FILES = ("/attachments/", "/ephemeral-attachments/")
_SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "video/", "audio/")
_LARGEST_REQUEST = 128 * 1024 * 1024
_FOR_A_YEAR_S = 365 * 24 * 3600


@dataclass(slots=True, kw_only=True, eq=False)
class Guard:
    """The door.

    Attributes:
        is_open: Whether other machines may come in, each with a ticket of its own.
        port: Where the page listens; known once it does.
    """

    is_open: bool
    port: int = 0
    _tickets: set[str] = field(default_factory=set[str])
    _guests: set[str] = field(default_factory=set[str])

    def ticket(self) -> str:
        """Return a new secret that lets one browser in, once."""
        ticket = secrets.token_urlsafe(24)
        self._tickets.add(ticket)
        return ticket

    @property
    def cookie(self) -> str:
        """The cookie's name: browsers keep cookies of all ports together."""
        return f"synid_playground_{self.port}"

    @web.middleware
    async def check(self, request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ANN401
        """Let a request through, or not; with headers that keep the browser strict."""
        refusal = self._refusal(request)
        if refusal is not None:
            response: web.StreamResponse = web.Response(status=403, text=refusal)
        elif self.is_open and TICKET in request.query:
            response = self._admit(request.query[TICKET])
        elif self.is_open and not self._is_guest(request):
            response = web.Response(status=401, text="Open the page with the link that its owner shows you.")
        elif (request.content_length or 0) > _LARGEST_REQUEST:
            response = web.json_response({"message": "That is too large."}, status=413)
        else:
            response = await handler(request)
        if not response.prepared:
            response.headers.update(_headers(request, response))
        return response

    def _refusal(self, request: web.Request) -> str | None:
        if not self._is_own_host(request):
            return "This page is not served under that name."
        site = request.headers.get("Sec-Fetch-Site", "none")
        if site not in {"same-origin", "none"} and request.path != "/":
            return "Other sites may not use this page."
        changes = request.method not in _SAFE or request.headers.get("Upgrade") is not None
        origin = request.headers.get("Origin")
        if (changes or origin is not None) and origin != f"http://{request.host}":
            return "Other sites may not use this page."
        return None

    def _is_own_host(self, request: web.Request) -> bool:
        host, _, port = request.host.rpartition(":")
        bare = host.strip("[]")
        if not host or port != str(self.port):
            return False
        return bare in _OWN_NAMES or (self.is_open and _is_address(bare))

    def _is_guest(self, request: web.Request) -> bool:
        shown = request.cookies.get(self.cookie, "")
        return any(hmac.compare_digest(shown.encode(), guest.encode()) for guest in self._guests)

    def _admit(self, shown: str) -> web.Response:
        found = [one for one in self._tickets if hmac.compare_digest(one.encode(), shown.encode())]
        response = web.Response(status=303, headers={"Location": "/"})
        if found:
            self._tickets.discard(found[0])
            guest = secrets.token_urlsafe(32)
            self._guests.add(guest)
            response.set_cookie(self.cookie, guest, httponly=True, samesite="Lax", max_age=_FOR_A_YEAR_S)
        return response


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _headers(request: web.Request, response: web.StreamResponse) -> dict[str, str]:
    told = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",
    }
    if not request.path.startswith(_FILES):
        sources = (
            f"img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self' ws://{request.host}"
        )
        rest = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        policy = f"default-src 'none'; script-src 'self'; style-src 'self'; {sources}; {rest}"
        return told | {"Content-Security-Policy": policy}
    told["Content-Security-Policy"] = "sandbox; default-src 'none'"  # what people upload is never a page
    if not (response.content_type or "").startswith(_SHOWN):
        told["Content-Disposition"] = "attachment"
    return told
