"""The settings of the local server, from the environment."""

import os
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, Field, HttpUrl, ValidationError

LATEST_PORT = 65535


class LocalServerError(Exception):
    """The server cannot start; the text is one line that says why and what to do."""


class LocalSettings(BaseModel):
    """Where to serve, and which table.

    Port 0 is any free port. Without an endpoint, the table is embedded in the process.
    """

    PORT: Annotated[int, Field(ge=0, le=LATEST_PORT)] = 3000
    AWS_ENDPOINT_URL_DYNAMODB: HttpUrl | None = None
    SESSIONS_TABLE: str = "sessions"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The settings in the environment. An empty variable counts as not set.

        Raises:
            LocalServerError: one has an invalid value.
        """
        given = {name: environment[name] for name in cls.model_fields if environment.get(name)}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            wrong = error.errors()[0]
            name = wrong["loc"][0]
            raise LocalServerError(f"{name}={given[str(name)]}: {wrong['msg']}") from None

    @property
    def endpoint_url(self) -> str | None:
        """The endpoint of the other DynamoDB, as boto3 takes it."""
        url = self.AWS_ENDPOINT_URL_DYNAMODB
        return None if url is None else str(url).rstrip("/")
