"""The HTTP side of ``make run``: the API, its documentation, the page and its feed of events."""

import socket

import uvicorn
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.access import Access
from local import docs, page
from local.event_feed import EventFeed, events_endpoint
from local.gateway import Gateway
from local.template import Template


def application(template: Template, gateway: Gateway, feed: EventFeed, access: Access) -> Starlette:
    """All of them. CORS, as API Gateway does it, is for the API and its documentation alone.

    Other origins may call the API, but not read the page's events.
    """
    api = Starlette(routes=docs.ROUTES)
    api.router.redirect_slashes = False
    api.router.default = gateway
    events = Route("/events", events_endpoint(feed, access))
    everything = Starlette(routes=[*page.ROUTES, events])
    everything.router.redirect_slashes = False
    everything.router.default = CORSMiddleware(api, **template.cors())
    return everything


class HttpServer(uvicorn.Server):
    """A server that stops at once, though browsers read the feed, of which uvicorn sees no end."""

    def __init__(self, served: Starlette, feed: EventFeed) -> None:
        super().__init__(
            uvicorn.Config(
                served, http=H11Protocol, log_config=None, server_header=False, lifespan="off"
            )
        )
        self._feed = feed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the browsers go, those that read nothing included, and then stop as usual."""
        self._feed.close()
        for connection in list(self.server_state.connections):
            if isinstance(connection, H11Protocol) and connection.flow.write_paused:
                connection.transport.abort()
        await super().shutdown(sockets)
