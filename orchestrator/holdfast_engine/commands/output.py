"""Output: the handler's result; it is what the invocation ends with once End follows."""

from holdfast_engine.commands.rule import Rule
from holdfast_protocol.messages import MessageType

RULE = Rule(message_type=MessageType.OUTPUT)
