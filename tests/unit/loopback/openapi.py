"""Discord's own description of its API, and what it says of a request body."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from bot.loopback.rest.pipeline import Exchange

VARIABLE = "DISCORD_OPENAPI"


@cache
def _document(path: Path) -> Any:  # noqa: ANN401 - 1 MB of JSON
    document = json.loads(path.read_text())
    schemas = document["components"]["schemas"]
    # Discord takes ids as numbers too, and every client numbers its new attachments so.
    schemas["SnowflakeType"] = {"anyOf": [{"type": "integer", "minimum": 0}, schemas["SnowflakeType"]]}
    return document


def _schema(document: Any, exchange: Exchange) -> Any:  # noqa: ANN401
    for path, operations in document["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", path)
        if re.fullmatch(pattern, exchange.path) and exchange.method.lower() in operations:
            content = operations[exchange.method.lower()].get("requestBody", {}).get("content", {})
            return content.get("application/json", {}).get("schema")
    return None


def faults(path: Path, exchange: Exchange) -> list[str]:
    """Return what Discord's document says against a request; nothing where it knows of no body."""
    document = _document(path)
    schema = _schema(document, exchange)
    if schema is None or not exchange.body:
        return []
    validator = Draft202012Validator({**schema, "components": document["components"]})
    return [_told(exchange, fault) for fault in validator.iter_errors(exchange.body)]


def _told(exchange: Exchange, fault: ValidationError) -> str:
    deepest = best_match([fault]) or fault
    return f"{exchange.method} {exchange.route} {deepest.json_path}: {deepest.message}"
