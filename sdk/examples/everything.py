"""All examples in one place, for a server that shall serve them together.

holdfast dev examples.everything:services
"""

from __future__ import annotations

from examples import (
    communication,
    food_order,
    order_service,
    parallel_work,
    payments,
    reservation,
    role_updater,
    state_machine,
    travel_saga,
    user_account,
    workflow,
)

_EXAMPLES = (
    order_service,
    communication,
    user_account,
    role_updater,
    reservation,
    travel_saga,
    food_order,
    payments,
    state_machine,
    parallel_work,
    workflow,
)

services = [service for example in _EXAMPLES for service in example.services]
