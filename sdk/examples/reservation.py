r"""Idempotency for free: a product that is reserved once, however often the client asks.

A request that repeats an idempotency key joins the first one while it runs, and gets its stored answer afterwards.
`examples/reservation_client.py` is such a client, with nothing but HTTP.

    holdfast dev examples.reservation:services

    curl localhost:8080/productService/reserve --json '{"product_id": "myProduct123"}' \
      -H 'idempotency-key: myReservation123'
    # again: the same answer, and no second reservation
    curl localhost:8080/productService/reserve --json '{"product_id": "myProduct123"}' \
      -H 'idempotency-key: myReservation123'
"""

from __future__ import annotations

from pydantic import BaseModel

import holdfast as restate
from examples import outside


class ReserveRequest(BaseModel):
    """The product that somebody wants."""

    product_id: str


class Reservation(BaseModel):
    """A product that is set aside."""

    product_id: str
    reservation_id: str


def reserve_in_warehouse(product_id: str, reservation_id: str) -> bool:
    """Set a product aside."""
    outside.happened(f"reserved {product_id} as {reservation_id}")
    return True


product_service = restate.Service("productService")


@product_service.handler()
async def reserve(ctx: restate.Context, request: ReserveRequest) -> Reservation:
    """Reserve a product under a new reservation id."""
    reservation_id = str(ctx.uuid())
    await ctx.run_typed("reserve", reserve_in_warehouse, product_id=request.product_id, reservation_id=reservation_id)
    return Reservation(product_id=request.product_id, reservation_id=reservation_id)


services = [product_service]
