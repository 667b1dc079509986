"""The Lambda binding: an application of this package behind a Powertools resolver."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, LambdaFunctionUrlResolver
from aws_lambda_powertools.event_handler.api_gateway import Response as PowertoolsResponse

from holdfast_http.messages import JSON_TYPE, App, Request, Response

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
# Whatever a decoded path may hold, line breaks included.
_ANY_PATH = r"/(?s:.*)"

ResolverT = TypeVar("ResolverT", APIGatewayHttpResolver, LambdaFunctionUrlResolver)


def function_url_resolver_for(app: App) -> LambdaFunctionUrlResolver:
    """Return the resolver for a function URL; run it with `resolve_async(event, context)`."""
    # A function URL hands the path on as it travelled.
    return _bound(LambdaFunctionUrlResolver(), app, is_path_decoded=False)


def resolver_for(app: App) -> APIGatewayHttpResolver:
    """Return the resolver for an API Gateway HTTP API; run it with `resolve_async(event, context)`.

    An HTTP API decodes the path before it calls the function, so a key that contains `/` cannot be told from two
    path segments there; a function URL can.
    """
    return _bound(APIGatewayHttpResolver(), app, is_path_decoded=True)


def _bound(resolver: ResolverT, app: App, *, is_path_decoded: bool) -> ResolverT:
    # Routing stays with the application: one rule set for Lambda and ASGI, and no regular expression per route.
    @resolver.route(_ANY_PATH, method=_METHODS)
    async def answer() -> PowertoolsResponse[str | bytes]:
        event = resolver.current_event
        path = quote(event.path) if is_path_decoded else event.path
        return _to_powertools(await app.handle(_request(event, path)))

    return resolver


def _request(event: APIGatewayProxyEventV2, path: str) -> Request:
    text = event.body or ""
    headers = [(name.lower(), value) for name, value in event.headers.items()]
    if event.cookies:
        # The second payload format takes this one header apart.
        headers.append(("cookie", "; ".join(event.cookies)))
    return Request(
        method=event.http_method,
        path=path,
        query=event.raw_query_string,
        headers=tuple(headers),
        body=b64decode(text) if event.is_base64_encoded else text.encode(),
    )


def _to_powertools(response: Response) -> PowertoolsResponse[str | bytes]:
    headers: dict[str, str | list[str]] = dict(response.headers)
    body: str | bytes = response.body
    if headers.get("content-type") == JSON_TYPE:
        # As text a body takes a quarter less of the response's size limit; every other type travels as base64.
        try:
            body = response.body.decode()
        except UnicodeDecodeError:
            body = response.body
    return PowertoolsResponse(status_code=response.status, body=body, headers=headers)
