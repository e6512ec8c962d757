"""openapi.yaml as a page: Swagger UI, from the copy that Powertools contains."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

OPENAPI_FILE = Path(__file__).parent.parent / "openapi.yaml"
SWAGGER_UI = files("aws_lambda_powertools.event_handler.openapi.swagger_ui")

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sessions API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.min.css">
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.min.js"></script>
<script>SwaggerUIBundle({url: "/docs/openapi.json", dom_id: "#api", validatorUrl: null})</script>
</body>
</html>
"""


async def _page(_: Request) -> Response:
    return HTMLResponse(PAGE)


async def _openapi(_: Request) -> Response:
    document: dict[str, Any] = yaml.safe_load(OPENAPI_FILE.read_text())
    document["servers"] = [{"url": "/", "description": "This server"}]  # whatever its port is
    return JSONResponse(document)


async def _asset(request: Request) -> Response:
    name = request.url.path.rpartition("/")[2]
    media_type = "text/css" if name.endswith(".css") else "text/javascript"
    return Response((SWAGGER_UI / name).read_bytes(), media_type=media_type)


ROUTES = [
    Route("/docs", _page),
    Route("/docs/openapi.json", _openapi),
    Route("/docs/swagger-ui.min.css", _asset),
    Route("/docs/swagger-ui-bundle.min.js", _asset),
]
