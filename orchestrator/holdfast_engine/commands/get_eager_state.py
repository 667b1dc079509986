"""GetEagerState: a read the SDK answered itself; recorded so that a replay reads the same."""

from holdfast_engine.commands._checks import reads_state
from holdfast_engine.commands.rule import Rule
from holdfast_protocol.messages import MessageType

RULE = Rule(message_type=MessageType.GET_EAGER_STATE, check=reads_state)
