"""Sleep: wake up not before a time. Its completion is stored by nobody: it follows from the command and the clock.

Nothing is done for the command itself: who suspends arms a timer for the next sleep that is open, and so does whoever
finds the invocation suspended.
"""

from holdfast_engine.commands.rule import Rule
from holdfast_protocol.messages import MessageType

RULE = Rule(message_type=MessageType.SLEEP)
