"""ClearAllState: drop the whole state of the key."""

from holdfast_engine.commands._checks import writes_state
from holdfast_engine.commands.rule import Rule
from holdfast_protocol.messages import MessageType

RULE = Rule(message_type=MessageType.CLEAR_ALL_STATE, check=writes_state)
