"""Who may call the API: whoever brings one of the deployment's keys or, without any, everybody."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass, field

from api.bad_requests import Unauthorized
from api.request import Request


@dataclass(frozen=True)
class Access:
    """The keys of the API, of which each request must bring one, and the routes that need none."""

    keys: Collection[str] = field(default=(), repr=False)
    public_routes: Collection[str] = ()

    def require(self, request: Request) -> None:
        """Let the request pass. Preflights always do, since browsers send them without a key.

        Raises:
            Unauthorized: it needs a key, and brings none of these.
        """
        if not self.keys or request.is_preflight or request.route_key in self.public_routes:
            return
        sent = request.header("x-api-key").encode("utf-8", "surrogatepass")
        # Each in constant time, and all of them: how long it takes says nothing of any.
        if not sum(hmac.compare_digest(sent, key.encode()) for key in self.keys):
            raise Unauthorized


OPEN = Access()
"""Everybody may call."""
