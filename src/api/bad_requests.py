"""What can be wrong with a request. ``error_responses`` has the wording."""

from dataclasses import dataclass


@dataclass(eq=False)
class Unauthorized(Exception):
    """The request brings none of the deployment's API keys."""


@dataclass(eq=False)
class RouteNotFound(Exception):
    """No route of the API matches the request's path."""


@dataclass(eq=False)
class MethodNotAllowed(Exception):
    """The path is right, but not the method; ``allowed`` lists the methods that are."""

    allowed: str


@dataclass(eq=False)
class InvalidRequest(Exception):
    """A field of the request is not what it must be; ``allowed`` says what it must be."""

    field: str
    allowed: str


@dataclass(eq=False)
class BodyTooLarge(Exception):
    """The body has more bytes than this."""

    max_bytes: int


@dataclass(eq=False)
class UnsupportedMediaType(Exception):
    """The request declares its body to be something other than JSON."""
