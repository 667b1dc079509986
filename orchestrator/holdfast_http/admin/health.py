"""Whether the admin API is up, which versions of it there are, and what it takes."""

from __future__ import annotations

from holdfast_http.messages import Response, json_response

ADMIN_VERSION_MIN = 2
ADMIN_VERSION_MAX = 4
# What may stand in front of a path, and which version that is.
VERSIONS = {f"v{number}": number for number in range(ADMIN_VERSION_MIN, ADMIN_VERSION_MAX + 1)}


def health() -> Response:
    """Answer that the process is up."""
    return Response(status=200)


def version(product_version: str, ingress_url: str) -> Response:
    """Say what this is; tools choose the newest version of the API that both sides know."""
    content = {
        "version": product_version,
        "min_admin_api_version": ADMIN_VERSION_MIN,
        "max_admin_api_version": ADMIN_VERSION_MAX,
        "ingress_endpoint": ingress_url,
        "features": {},
    }
    return json_response(200, content)


def cluster_health() -> Response:
    """Answer for a cluster of one: there is no metadata store that could be unwell."""
    return json_response(200, {"cluster_name": "holdfast", "metadata_cluster_health": None})


def openapi(product_version: str) -> Response:
    """Return the document that describes this API."""
    # A long table that people ask for now and then; a function that starts need not read it.
    from holdfast_http.admin.openapi import document

    return json_response(200, document(product_version))
