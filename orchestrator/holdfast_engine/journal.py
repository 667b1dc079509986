"""The journal of one invocation in memory: raw entries in order, and the index derived from them.

The journal is the wire: entries are kept as the frames that travelled and are handed out as such. What is indexed is
only what the engine asks for: which completions and signals are in, which sleeps are open, which commands still need
an answer. Entries from `durable` on are known here and not stored yet; they go out with the next write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from holdfast_engine.records import Awaiting, Note, Outcome, Page, Slot
from holdfast_engine.trees import TOGETHER, Leaf, combine, leaves, leaves_below
from holdfast_engine.wire import outcome_of, void_completion
from holdfast_protocol.frames import HEADER_BYTES
from holdfast_protocol.messages import MessageType, decode
from holdfast_protocol.schema_pb2 import CallCommand, Notification, OneWayCallCommand, SleepCommand

_COMMAND_FIRST = MessageType.INPUT
_COMMAND_END = 0x8000
_OUTPUT = int(MessageType.OUTPUT)
_SLEEP = int(MessageType.SLEEP)
_CALL = int(MessageType.CALL)
_ONE_WAY_CALL = int(MessageType.ONE_WAY_CALL)

# Commands that get a completion as soon as somebody looks: reads, and the ids of called invocations.
_ANSWERED_AT_ONCE = frozenset(
    {
        int(MessageType.GET_LAZY_STATE),
        int(MessageType.GET_LAZY_STATE_KEYS),
        int(MessageType.GET_PROMISE),
        int(MessageType.PEEK_PROMISE),
        int(MessageType.CALL),
        int(MessageType.ONE_WAY_CALL),
        int(MessageType.ATTACH_INVOCATION),
        int(MessageType.GET_INVOCATION_OUTPUT),
    }
)


# Commands that others answer, with a note that may come when nobody reads notes any more.
_ANSWERED_BY_NOTES = frozenset(
    {
        int(MessageType.GET_PROMISE),
        int(MessageType.COMPLETE_PROMISE),
        int(MessageType.CALL),
        int(MessageType.ATTACH_INVOCATION),
        int(MessageType.SIGNAL),
    }
)


def type_of(frame: bytes) -> int:
    """Return the message type of a raw frame that is known to be whole."""
    return frame[0] << 8 | frame[1]


class Journal:
    """Entries and index; `slot` is where the next durable append goes."""

    __slots__ = (
        "_has_notes",
        "_is_failure",
        "commands",
        "durable",
        "entries",
        "output_index",
        "resolved",
        "sleeps",
        "slot",
        "taken",
        "unanswered",
    )

    def __init__(self, slot: Slot) -> None:
        self.entries: list[bytes] = []
        self.durable = 0
        self.slot = slot
        self.commands = 0
        self.output_index: int | None = None
        self.resolved: dict[Leaf, int] = {}
        self.sleeps: dict[int, int] = {}
        self.unanswered: dict[int, int] = {}
        self.taken: dict[str, int] = {}
        self._is_failure: dict[int, bool] = {}
        self._has_notes = False

    @classmethod
    def of(cls, pages: Sequence[Page], slot: Slot) -> Journal:
        """Build the journal from all its pages, the head's first."""
        journal = cls(slot)
        for page in pages:
            journal._take(page)
        journal.durable = len(journal.entries)
        return journal

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def is_noted(self) -> bool:
        """Whether others have notified the invocation, or may have."""
        return self._has_notes or any(type_of(frame) in _ANSWERED_BY_NOTES for frame in self.entries)

    @property
    def pending(self) -> tuple[bytes, ...]:
        """The entries that are not stored yet."""
        return tuple(self.entries[self.durable :])

    @property
    def pending_taken(self) -> tuple[str, ...]:
        """The tokens of the signal notes among the pending entries."""
        return self.taken_between(self.durable, len(self.entries))

    def taken_between(self, start: int, end: int) -> tuple[str, ...]:
        """Return the tokens of the signal notes among the entries from one index to below another."""
        return tuple([token for token, index in self.taken.items() if start <= index < end])

    def stored(self, slot: Slot, until: int) -> None:
        """Note that the entries below an index have been stored, and where the next append goes."""
        self.durable = until
        self.slot = slot

    def add(self, frame: bytes) -> None:
        """Add an entry behind the others."""
        index = len(self.entries)
        self.entries.append(frame)
        kind = frame[0] << 8 | frame[1]
        if kind >= _COMMAND_END:
            leaf = leaf_of(frame)
            if leaf[0] != "c":
                # Signals repeat: the latest tells whether there is one that an attempt has not seen.
                self.resolved[leaf] = index
                return
            self.resolved.setdefault(leaf, index)
            if self.sleeps:
                self.sleeps.pop(int(leaf[1]), None)
            if self.unanswered:
                self.unanswered.pop(int(leaf[1]), None)
            return
        self.commands += 1
        if kind == _OUTPUT:
            self.output_index = index
        elif kind == _SLEEP:
            sleep = SleepCommand.FromString(frame[HEADER_BYTES:])
            self.sleeps[sleep.result_completion_id] = sleep.wake_up_time
        elif kind in _ANSWERED_AT_ONCE:
            self.unanswered[_answer_id(kind, frame)] = index

    def add_note(self, note: Note) -> None:
        """Merge a note that has arrived, unless its entry is here already."""
        self._has_notes = True
        if note.key in self.taken:
            return
        if note.key.startswith("s#"):
            self.taken[note.key] = len(self.entries)
        elif leaf_of(note.frame) in self.resolved:
            return
        self.add(note.frame)

    def add_due_sleeps(self, now_ms: int) -> None:
        """Complete the sleeps whose time has come: nobody stores that, it follows from the command and the clock."""
        due = sorted((wake_at, completion_id) for completion_id, wake_at in self.sleeps.items() if wake_at <= now_ms)
        for _, completion_id in due:
            self.add(void_completion(MessageType.SLEEP_COMPLETION, completion_id))

    def next_due_ms(self, *, after_ms: int) -> int | None:
        """Return when the next sleep ends that was not over at a time.

        One that was over then has been looked at, and was not what is awaited: to wake for it would be for ever.
        """
        return min((wake_at for wake_at in self.sleeps.values() if wake_at > after_ms), default=None)

    def has_resolved(self, awaiting: Awaiting, *, now_ms: int, signals_from: int) -> bool:
        """Return whether the SDK could go on: the tree is resolved by the entries and by sleeps that are due.

        A signal below `signals_from` was seen by the attempt that suspended, and yet it waits: it has used it up (a
        cancellation that was caught, an earlier signal of the same name). Counting it again would loop for ever. Where
        several things are awaited together, one seen still counts, but only along with one that is new.
        """
        if awaiting.combinator in TOGETHER:
            return self._resolve(awaiting, now_ms) is not None and self._has_news(awaiting, now_ms, signals_from)
        return any(
            self._leaf_state(leaf, now_ms) is not None and (leaf[0] == "c" or self.resolved[leaf] >= signals_from)
            for leaf in leaves(awaiting)
        ) or any(self.has_resolved(node, now_ms=now_ms, signals_from=signals_from) for node in awaiting.nested)

    def outcome(self) -> Outcome | None:
        """Return what the last Output command says."""
        if self.output_index is None:
            return None
        return outcome_of(self.entries[self.output_index])

    def commands_between(self, start: int, end: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield (index, type, frame) of the commands from one index to below another."""
        for index in range(start, end):
            frame = self.entries[index]
            kind = type_of(frame)
            if kind < _COMMAND_END:
                yield index, kind, frame

    def _take(self, page: Page) -> None:
        for frame in page.frames:
            self.add(frame)
        for token in page.taken:
            self.taken[token] = -1

    def _resolve(self, awaiting: Awaiting, now_ms: int) -> bool | None:
        """Return True for success, False for failure, None while open; "either way" counts as success."""
        states = (self._leaf_state(leaf, now_ms) for leaf in leaves(awaiting))
        nested = (self._resolve(node, now_ms) for node in awaiting.nested)
        return combine(awaiting.combinator, [*states, *nested])

    def _has_news(self, awaiting: Awaiting, now_ms: int, signals_from: int) -> bool:
        """Return whether a tree has no signals, or anything in it is resolved that the attempt has not seen."""
        below = list(leaves_below(awaiting))
        if all(leaf[0] == "c" for leaf in below):
            return True
        unseen = (leaf for leaf in below if self.resolved.get(leaf, signals_from) >= signals_from)
        return any(self._leaf_state(leaf, now_ms) is not None for leaf in unseen)

    def _leaf_state(self, leaf: Leaf, now_ms: int) -> bool | None:
        index = self.resolved.get(leaf)
        if index is None:
            if leaf[0] != "c":
                return None
            wake_at = self.sleeps.get(int(leaf[1]))
            return True if wake_at is not None and wake_at <= now_ms else None
        known = self._is_failure.get(index)
        if known is None:
            known = self._is_failure[index] = not is_success(self.entries[index])
        return not known


def _answer_id(kind: int, frame: bytes) -> int:
    """Return the completion id that answers a command at once."""
    body = frame[HEADER_BYTES:]
    if kind == _CALL:
        return CallCommand.FromString(body).invocation_id_notification_idx
    if kind == _ONE_WAY_CALL:
        return OneWayCallCommand.FromString(body).invocation_id_notification_idx
    # Every other command that is answered has this field; the union of all messages cannot say so.
    return int(decode(frame).result_completion_id)  # type: ignore[attr-defined]


def leaf_of(frame: bytes) -> Leaf:
    """Return what a notification resolves, reading no more of it than its id.

    Every writer puts the id first; anything else takes the slow way through protobuf.
    """
    if len(frame) > HEADER_BYTES + 2:
        tag, value = frame[HEADER_BYTES], frame[HEADER_BYTES + 1]
        if value >= 0x80:
            # A number of up to fourteen bits, the lower seven first.
            more = frame[HEADER_BYTES + 2]
            value = value & 0x7F | more << 7 if more < 0x80 else -1
        if value >= 0:
            if tag == 0x08:
                return ("c", value)
            if tag == 0x10:
                return ("s", value)
    message = Notification.FromString(frame[HEADER_BYTES:])
    match message.WhichOneof("id"):
        case "signal_id":
            return ("s", message.signal_id)
        case "signal_name":
            return ("n", message.signal_name)
        case _:
            return ("c", message.completion_id)


def is_success(frame: bytes) -> bool:
    """Return whether a notification brings anything but a failure."""
    return bool(Notification.FromString(frame[HEADER_BYTES:]).WhichOneof("result") != "failure")
