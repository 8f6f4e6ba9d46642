"""`/api/docs`: the OpenAPI description to read and to try, with everything it needs served from here."""

from __future__ import annotations

from importlib import resources
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import Response

OPENAPI_PATH = "/api/openapi.json"
ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon-32x32.png": "image/png"}
# No inline script: the page's Content-Security-Policy has none either.
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Powermon API</title>
<link rel="icon" href="/api/docs/favicon-32x32.png">
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
"""
START = f"""SwaggerUIBundle({{
  url: "{OPENAPI_PATH}",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout"
}});
"""
ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "field"],
            "properties": {name: {"type": "string"} for name in ("code", "message", "field")},
        }
    },
}
ERROR_TEXTS = {
    "400": "The question cannot be answered as asked",
    "401": "A token is needed",
    "403": "Not allowed: a viewer, another site's page, or a name that is not ours",
    "404": "There is no such thing",
    "405": "Not by this method; Allow says which",
    "429": "Too many wrong tokens; Retry-After says when to come again",
    "431": "More headers than any browser sends",
    "503": "Try again in a moment; Retry-After says when",
}
CONFLICT = "It does not fit to what there is already"
OWN_ERROR_TEXTS = {"/api/connect": {"502": "The port did not open; the message says why"}}
BODY_ERROR_TEXTS = {
    "408": "The body did not come in time",
    "413": "The body is too large",
    "415": "The body must be JSON",
}

router = APIRouter(include_in_schema=False)


@router.get("/api/docs")
async def page() -> Response:
    """The page."""
    return Response(PAGE, media_type="text/html")


@router.get("/api/docs/{name}")
async def asset(name: str) -> Response:
    """One of the page's files."""
    if name == "start.js":
        return Response(START, media_type="text/javascript")
    if name not in ASSETS:
        raise HTTPException(404, f"there is no {name[:40]!r} here")
    body = (resources.files("fastapi_swagger") / "resources" / name).read_bytes()
    return Response(body, media_type=ASSETS[name], headers={"Cache-Control": "max-age=86400"})


def install(app: FastAPI, description: str) -> None:
    """Adds the page, and has the description state our own error shape instead of the framework's 422."""
    app.include_router(router)

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, description=description, routes=app.routes)
            app.openapi_schema = _with_our_errors(schema)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _with_our_errors(schema: dict[str, Any]) -> dict[str, Any]:
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Error"] = ERROR_SCHEMA
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            texts = ERROR_TEXTS | (BODY_ERROR_TEXTS if "requestBody" in operation else {}) | OWN_ERROR_TEXTS.get(path, {})
            texts |= {} if method == "get" else {"409": CONFLICT}
            operation["responses"] |= {status: {"description": text, "content": content} for status, text in texts.items()}
    return schema
