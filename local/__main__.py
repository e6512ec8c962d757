"""Serve the API without AWS: ``make run``."""

import logging
import os
import signal
import socket
import sys
from contextlib import suppress

from api.access import Access
from local.demo import LEAVES_AFTER_SECONDS, LEAVING_ID, curl_lines
from local.event_feed import EventFeed
from local.gateway import Gateway
from local.http_server import HttpServer, application
from local.open_table import OpenTable, open_table
from local.printed_events import events_published
from local.server_settings import LocalServerError, LocalSettings
from local.template import Template
from runtime.observability import logger
from runtime.settings import RenewSettings, SettingsError

HOST = "127.0.0.1"


def main() -> int:
    """Serve until Ctrl-C. Whatever prevents the start is one line, and exit code 1."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            settings = LocalSettings.from_environment()
            with open_listener(settings.PORT) as listener:
                _serve(settings, listener)
    except (LocalServerError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    print("Stopped")
    return 0


def open_listener(port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        LocalServerError: the port is in use, or needs more rights.
    """
    try:
        listener = socket.create_server((HOST, port))
    except OSError as error:
        raise LocalServerError(
            f"PORT={port}: {os.strerror(error.errno or 0)}. Choose another: PORT=3001 make run"
        ) from None
    # asyncio sets it only where a socket names its protocol, which this one does not. Without it,
    # the body of an answer on a reused connection waits some 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _serve(settings: LocalSettings, listener: socket.socket) -> None:
    template = Template()
    for name, value in template.environment().items():
        os.environ[name] = os.environ.get(name) or value
    os.environ["SESSIONS_TABLE"] = settings.SESSIONS_TABLE
    os.environ["SIGNING_KEY"] = os.environ.get("SIGNING_KEY") or "a laptop needs no secret for this"
    os.environ["POWERTOOLS_METRICS_DISABLED"] = "true"
    functions = RenewSettings.from_environment(os.environ)
    _log_readably()
    with open_table(settings, functions.retention_seconds) as table:
        feed = EventFeed()
        gateway = Gateway(template, table.lock, feed)
        url = f"http://localhost:{listener.getsockname()[1]}"
        where = settings.endpoint_url or "embedded: it is lost when the server stops"
        print(f"Serving {url}/api/messaging/sessions (Ctrl-C stops it)")
        print(f"Page: {url}/ shows the sessions")
        print(f"Documentation: {url}/docs")
        print(f"Access: {_about_access(functions)}")
        print(f"Table: {settings.SESSIONS_TABLE}, {where}")
        print(f"Events: {_about_events(table)}\n")
        print(curl_lines(url, functions), end="\n\n", flush=True)
        served = application(template, gateway, feed, Access(functions.api_keys))
        with events_published(table, template, feed):
            HttpServer(served, feed).run(sockets=[listener])


def _about_access(settings: RenewSettings) -> str:
    if not settings.api_keys:
        return "everybody on this machine may call it; API_KEYS sets keys"
    return "every call needs one of API_KEYS in the header X-API-KEY"


def _about_events(table: OpenTable) -> str:
    if table.record_source is None:
        return "nothing is announced: the table has no stream, or none at this endpoint"
    return (
        f"{LEAVING_ID} expires in {LEAVES_AFTER_SECONDS} s; its events, as those of all sessions, "
        "are printed here"
    )


def _log_readably() -> None:
    """Of the functions' log, show only why a call failed: the gateway logs each request."""
    logger.setLevel(logging.ERROR)
    logger.registered_handler.setFormatter(
        logging.Formatter("%(asctime)s  %(message)s  %(cause)s", "%H:%M:%S", defaults={"cause": ""})
    )


if __name__ == "__main__":
    sys.exit(main())
