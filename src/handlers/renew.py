"""RenewFunction: ``POST /api/messaging/sessions/{sessionId}/renew``."""

import os

from api.access import Access
from api.renewal_routes import RENEWAL_ROUTES
from api.responses import http_handler
from runtime.clock import epoch_ms
from runtime.settings import RenewSettings
from storage.table import SessionsTable, dynamodb_client

settings = RenewSettings.from_environment(os.environ)
table = SessionsTable(dynamodb_client(), settings.sessions_table, settings.retention_seconds)

handler = http_handler(table, RENEWAL_ROUTES, epoch_ms, Access(settings.api_keys))
