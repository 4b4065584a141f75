"""Let a phone in: this machine's address in its network, and a code to scan."""

import io
import socket

import segno

_NOWHERE = ("192.0.2.1", 9)  # reserved for documents: nothing is sent, the system only picks a way out


def own_address() -> str | None:
    """Return the address under which other machines reach this one; None without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_NOWHERE)
        except OSError:
            return None
        address: str = probe.getsockname()[0]
    return None if address.startswith("127.") else address


def qr_code(link: str) -> str:
    """Return a link as a code that a terminal can print."""
    drawn = io.StringIO()
    segno.make_qr(link, error="m").terminal(out=drawn, compact=True, border=2)
    return drawn.getvalue()


def qr_picture(link: str) -> str:
    """Return a link as a code in SVG, as a `data:` address."""
    return segno.make_qr(link, error="m").svg_data_uri(scale=6, border=3, light="#ffffff")
