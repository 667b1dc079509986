"""The queues: wake-ups, which only name invocations, and sends, which anybody may write to; and their dead letters."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

# A wake-up that keeps failing is parked after so many tries. Putting a message back is no failure, and the dispatcher
# sends a fresh one before these run out.
RECEIVES_MAX = 20
# A bad send goes to the dead letters at once, with its reason; this is for what fails for another cause.
SEND_RECEIVES_MAX = 10
_RETENTION = Duration.days(14)


class Queues(Construct):
    """Standard queues: order means nothing here, and a standard queue can delay each message by itself."""

    def __init__(
        self, scope: Construct, construct_id: str, *, wakeup_visibility: Duration, send_visibility: Duration
    ) -> None:
        super().__init__(scope, construct_id)
        self.wakeups_dead = self._queue("WakeupsDead")
        self.wakeups = self._queue(
            "Wakeups", visibility=wakeup_visibility, dead=self.wakeups_dead, receives_max=RECEIVES_MAX
        )
        self.sends_dead = self._queue("SendsDead")
        self.sends = self._queue(
            "Sends", visibility=send_visibility, dead=self.sends_dead, receives_max=SEND_RECEIVES_MAX
        )

    def _queue(
        self,
        name: str,
        *,
        visibility: Duration | None = None,
        dead: sqs.Queue | None = None,
        receives_max: int = 0,
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=_RETENTION,
            # Lambda refuses a queue whose visibility timeout is shorter than its function's; the functions shorten it
            # message by message, so that a crash is noticed long before that.
            visibility_timeout=visibility,
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=receives_max) if dead else None,
        )
