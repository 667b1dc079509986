"""What each command means, one file per command; `RULES` is the table of them all."""

from __future__ import annotations

from holdfast_engine.commands import (
    attach_invocation,
    call,
    clear_all_state,
    clear_state,
    complete_awakeable,
    complete_promise,
    get_eager_state,
    get_eager_state_keys,
    get_invocation_output,
    get_lazy_state,
    get_lazy_state_keys,
    get_promise,
    one_way_call,
    output,
    peek_promise,
    run,
    send_signal,
    set_state,
    sleep,
)
from holdfast_engine.commands.rule import Answering, CommandRefused, Facts, Performing, Rule

__all__ = ["RULES", "Answering", "CommandRefused", "Facts", "Performing", "Rule"]

RULES: dict[int, Rule] = {
    int(rule.message_type): rule
    for rule in (
        output.RULE,
        get_lazy_state.RULE,
        set_state.RULE,
        clear_state.RULE,
        clear_all_state.RULE,
        get_lazy_state_keys.RULE,
        get_eager_state.RULE,
        get_eager_state_keys.RULE,
        get_promise.RULE,
        peek_promise.RULE,
        complete_promise.RULE,
        sleep.RULE,
        call.RULE,
        one_way_call.RULE,
        send_signal.RULE,
        run.RULE,
        attach_invocation.RULE,
        get_invocation_output.RULE,
        complete_awakeable.RULE,
    )
}
