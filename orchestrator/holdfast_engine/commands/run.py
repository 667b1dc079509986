"""Run: a step; its result comes from the handler itself, as a proposal or through a checkpoint."""

from holdfast_engine.commands.rule import Rule
from holdfast_protocol.messages import MessageType

RULE = Rule(message_type=MessageType.RUN)
