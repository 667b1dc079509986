"""How much the servers take on at once, and what they tell whoever comes when that is reached; cheap to import."""

from __future__ import annotations

from holdfast_http.messages import Headers

# A waiting request costs a socket and some 20 KiB: this many are 80 MiB and a good share of the usual file limits.
WAITING_MAX = 4096
RETRY_AFTER: Headers = (("retry-after", "1"),)
