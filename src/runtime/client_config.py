"""How the functions call AWS: no attempt takes long, and none is repeated by the SDK."""

import logging

from botocore.config import Config

USER_AGENT = "session-renewal"

# At DEBUG, botocore logs requests with their credentials, and bodies with the sessions in them.
# Lowering the level of the functions' logs must not.
for _library in ("boto3", "botocore", "urllib3"):
    logging.getLogger(_library).setLevel(logging.INFO)


def client_config(connect_timeout_seconds: float, read_timeout_seconds: float) -> Config:
    """The settings of a client that fails soon, and leaves retries to ``runtime.retries``.

    Region, credentials and endpoint come from the environment, as botocore reads it. Two things
    that botocore does for every call cost it dearly and are left out: it validates the parameters,
    as the service does again, and it composes a User-Agent of what it knows about the machine.
    (Powertools appends a constant of its own to the fixed one.)
    """
    return Config(
        connect_timeout=connect_timeout_seconds,
        read_timeout=read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": 1},
        parameter_validation=False,
        tcp_keepalive=True,
        user_agent=USER_AGENT,
    )
