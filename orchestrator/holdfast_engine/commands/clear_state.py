"""ClearState: drop one value of the key's state."""

from holdfast_engine.commands._checks import writes_state
from holdfast_engine.commands.rule import Rule
from holdfast_protocol.messages import MessageType

RULE = Rule(message_type=MessageType.CLEAR_STATE, check=writes_state)
