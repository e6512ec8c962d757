"""SessionsFunction: every call of the API except the renewal, which has a function of its own."""

import os

from api.access import Access
from api.collection_routes import HEALTH_ROUTE, collection_routes
from api.responses import http_handler
from api.session_routes import session_routes
from runtime.clock import epoch_ms
from runtime.settings import SessionsSettings
from storage.table import SessionsTable, dynamodb_client

settings = SessionsSettings.from_environment(os.environ)
table = SessionsTable(dynamodb_client(), settings.sessions_table, settings.retention_seconds)
policy = settings.timeout_policy
routes = {**collection_routes(policy, settings.signing_key), **session_routes(policy)}

access = Access(settings.api_keys, [HEALTH_ROUTE] if settings.health_is_public else [])

handler = http_handler(table, routes, epoch_ms, access)
