"""What AWS charges, and what a run comes to: the one place that knows prices (us-east-1, list prices of 2026)."""

from __future__ import annotations

from dataclasses import dataclass, fields

WRITE_UNITS = 0.625e-6
READ_UNITS = 0.125e-6
SQS_REQUESTS = 0.40e-6
INVOCATIONS = 0.20e-6
# On arm64.
GB_SECONDS = 1.33334e-5
STORAGE_GB_MONTHS = 0.25

# DynamoDB adds so much to every item when it charges for storage.
ITEM_STORAGE_BYTES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What some work used; a year of fractions is allowed, for averages."""

    write_units: float = 0
    read_units: float = 0
    sqs_requests: float = 0
    invocations: float = 0
    gb_seconds: float = 0
    gb_months: float = 0

    def shared_by(self, runs: int) -> Usage:
        """Return what one of so many runs used."""
        return Usage(**{field.name: getattr(self, field.name) / runs for field in fields(self)})

    @property
    def dollars(self) -> dict[str, float]:
        """Return what each kind of use costs."""
        return {name: getattr(self, name) * price for name, price in PRICES.items()}

    @property
    def total(self) -> float:
        """Return what all of it costs."""
        return sum(self.dollars.values())


PRICES = {
    "write_units": WRITE_UNITS,
    "read_units": READ_UNITS,
    "sqs_requests": SQS_REQUESTS,
    "invocations": INVOCATIONS,
    "gb_seconds": GB_SECONDS,
    "gb_months": STORAGE_GB_MONTHS,
}
