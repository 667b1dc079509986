"""The dispatcher: wake-ups from their queue."""

import holdfast_aws.runtime.loading  # noqa: F401 - before all that takes time
from holdfast_aws.runtime.dispatcher import Dispatcher
from holdfast_aws.runtime.process import Process
from holdfast_aws.runtime.queues import Queue
from holdfast_aws.runtime.settings import settings

process = Process(settings(), runs_max=settings().children_max, invokes=True)
dispatcher = Dispatcher(process, queue=Queue(process.ports.clients.sqs, settings().wakeups_queue_url))
handler = process.handler(dispatcher.handle)
