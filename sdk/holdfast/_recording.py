"""The recording: the commands that the journal holds, and how far the code has repeated them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from holdfast._describe import differences, entry_name, title
from holdfast._mismatch import added_await, other_command
from holdfast_protocol.attempt import AttemptRequest
from holdfast_protocol.errors import DecodeError
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import Message, MessageType, decode

# The first byte of a frame is the high byte of its type: 0x04 to 0x07 are commands, 0x80 to 0xFB notifications.
_COMMAND_BYTES = range(0x04, 0x08)
_NOTIFICATION_BYTES = range(0x80, 0xFC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """Where the code left the recording, in words, and the command that it is about."""

    text: str
    command_index: int
    command_name: str
    command_type: int


class Recording:
    """The recorded commands; `index` is that of the last one the code has issued, recorded or not."""

    __slots__ = ("_commands", "_request", "index")

    def __init__(self, request: AttemptRequest, commands: list[bytes]) -> None:
        self._request = request
        self._commands = commands
        # Command 0 is the input, which the server wrote.
        self.index = 0

    @property
    def is_replaying(self) -> bool:
        """Whether there are commands that the code has not repeated yet."""
        return self.index + 1 < len(self._commands)

    def input(self) -> Message:
        """Return the input command.

        Raises:
            DecodeError: it is malformed.
        """
        return decode(self._commands[0])

    def next(self) -> bytes | None:
        """Return the command that the code must issue next, or None behind the last."""
        index = self.index + 1
        return self._commands[index] if index < len(self._commands) else None

    def mismatch(self, recorded_raw: bytes, raw: bytes, asked: Message) -> Mismatch | None:
        """Compare a command with the recorded one, whose bytes differ, by its fields.

        Raises:
            DecodeError: the recorded one is malformed.
        """
        recorded_type, asked_type = frame_type(recorded_raw), frame_type(raw)
        recorded = decode(recorded_raw)
        found = differences(recorded, asked) if recorded_type == asked_type else []
        if recorded_type == asked_type and not found:
            return None
        index = self.index + 1
        text = other_command(self.where(index), title(recorded_type, recorded), title(asked_type, asked), found)
        return Mismatch(text=text, command_index=index, command_name=entry_name(asked), command_type=asked_type)

    def added_await(self, awaited: Iterable[str]) -> Mismatch:
        """Return the mismatch of an await that waits while the recorded code went on.

        Raises:
            DecodeError: the recorded command is malformed.
        """
        raw = self.next()
        assert raw is not None, "only an await that replays can be one too many"
        index, message_type, recorded = self.index + 1, frame_type(raw), decode(raw)
        text = added_await(self.where(index), title(message_type, recorded), awaited)
        return Mismatch(text=text, command_index=index, command_name=entry_name(recorded), command_type=message_type)

    def where(self, index: int) -> str:
        """Return a command's place as error messages name it."""
        request = self._request
        entries = [entry for entry, raw in enumerate(request.entries) if raw[0] in _COMMAND_BYTES]
        # A new command would become the entry behind the last, whatever notifications come between.
        entry = entries[index] if index < len(entries) else len(request.entries) + index - len(entries)
        return f"entry {entry} (command {index}) of {request.start.debug_id} ({request.service}/{request.handler})"


def split_journal(request: AttemptRequest) -> tuple[list[bytes], list[bytes]]:
    """Return the commands and the notifications of a journal, each in order.

    Raises:
        DecodeError: it is incomplete, does not begin with an input, or has a frame that is no entry.
    """
    commands, notifications = [], []
    for raw in request.entries:
        if raw[0] in _COMMAND_BYTES:
            commands.append(raw)
        elif raw[0] in _NOTIFICATION_BYTES:
            notifications.append(raw)
        else:
            raise DecodeError(f"a frame of type 0x{frame_type(raw):04X} is no journal entry")
    if request.start.known_entries > len(request.entries):
        raise DecodeError(f"the journal has {len(request.entries)} entries of {request.start.known_entries} announced")
    if not commands or frame_type(commands[0]) != MessageType.INPUT or commands[0] is not request.entries[0]:
        raise DecodeError("the journal does not begin with the input command")
    return commands, notifications
