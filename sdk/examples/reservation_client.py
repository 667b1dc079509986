"""A client that reserves a product with plain HTTP: any program is one, no SDK is needed.

It may be stopped and started again, or repeat its request after an error: the idempotency key keeps that harmless.

    python -m examples.reservation_client myProduct123 myReservation123
"""

from __future__ import annotations

import sys

import httpx


def reserve(product_id: str, reservation_id: str, ingress_url: str = "http://localhost:8080") -> dict[str, str]:
    """Reserve a product; the same reservation id gives the same answer."""
    response = httpx.post(
        f"{ingress_url}/productService/reserve",
        json={"product_id": product_id},
        headers={"idempotency-key": reservation_id},
        timeout=60,
    )
    response.raise_for_status()
    reservation: dict[str, str] = response.json()
    return reservation


if __name__ == "__main__":
    print(reserve(*sys.argv[1:]))
