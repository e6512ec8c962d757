"""``/``: the sessions as a page, for a person to look at. It is one file, page.html."""

import base64
import hashlib
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

PAGE_FILE = Path(__file__).parent / "page.html"


def content_security_policy(page: str) -> str:
    """What the browser may do on this page: run its own script, and call this server.

    So whatever gets into the page by way of a session, it is no script.
    """
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()) for script in scripts)
    allowed = " ".join(f"'sha256-{digest.decode()}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


async def _page(_: Request) -> Response:
    page = PAGE_FILE.read_text(encoding="utf-8")
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": content_security_policy(page),
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(page, headers=headers)


ROUTES = [Route("/", _page)]
