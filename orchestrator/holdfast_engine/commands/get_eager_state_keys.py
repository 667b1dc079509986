"""GetEagerStateKeys: a listing the SDK answered itself."""

from holdfast_engine.commands._checks import reads_state
from holdfast_engine.commands.rule import Rule
from holdfast_protocol.messages import MessageType

RULE = Rule(message_type=MessageType.GET_EAGER_STATE_KEYS, check=reads_state)
