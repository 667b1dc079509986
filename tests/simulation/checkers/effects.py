"""D2: effects of committed commands, each at least once and taking hold exactly once."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from holdfast_engine.records import Head, Promise
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.messages import MessageType
from tests.simulation.checkers.ledger import Ledger
from tests.simulation.watch import Checker, Violation
from tests.simulation.world.disk import Changed

_CREATING = (MessageType.CALL, MessageType.ONE_WAY_CALL)


class EffectsOnce(Checker):
    """D2: the effect of a committed command is performed at least once and takes hold exactly once.

    Verifies that an invocation or a promise's value that a command brings about appears only after that command is in
    its journal; in the end, that every call and send in a journal has its invocation, and every named signal entered
    its receiver's journal at most once. That a call's result reached its caller, and a signal its receiver, is what the
    model compares; state has K3.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def on_change(self, changed: Changed) -> None:
        after = changed.after
        if isinstance(after, Head) and changed.before is None and after.caller is not None:
            command = self._command(after.caller.invocation_id, after.caller.completion_id)
            if command is None:
                raise Violation("D2", f"{after.id} exists, and its caller has not committed the command")
        if isinstance(after, Promise) and after.by is not None:
            caller, _, index = after.by.rpartition(".")
            entries = self._ledger.entries[caller]
            if int(index) >= len(entries) or entries[int(index)].kind != MessageType.COMPLETE_PROMISE:
                raise Violation("D2", f"a promise was completed by {after.by}, which is not committed")

    def at_rest(self) -> None:
        programs = {self._ledger.program_of(invocation_id) for invocation_id in self._ledger.created}
        for invocation_id in self._ledger.created:
            for entry in self._ledger.commands(invocation_id, *_CREATING):
                program = int(json.loads(entry.message.parameter)["p"])
                if program not in programs:
                    raise Violation("D2", f"entry {entry.index} of {invocation_id} called program {program} in vain")
            self._check_signals(invocation_id)

    def _check_signals(self, invocation_id: str) -> None:
        signals = self._ledger.commands(invocation_id, MessageType.SIGNAL)
        names = Counter(entry.message.signal_name for entry in signals if entry.message.signal_name)
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise Violation("D2", f"{invocation_id} got signal {twice[0]} {names[twice[0]]} times")
        awakeables = Counter(entry.message.signal_id for entry in signals if entry.message.signal_id > 1)
        if awakeables and max(awakeables.values()) > 1:
            raise Violation("D2", f"an awakeable of {invocation_id} was completed twice: {awakeables}")

    def _command(self, caller: str, completion_id: int) -> Any:
        for entry in self._ledger.commands(caller, *_CREATING):
            assert isinstance(entry.message, pb.CallCommand | pb.OneWayCallCommand)
            if entry.message.invocation_id_notification_idx == completion_id:
                return entry.message
        return None
