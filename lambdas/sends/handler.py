"""The sends queue: messages of any producer that start invocations."""

import holdfast_aws.runtime.loading  # noqa: F401 - before all that takes time
from holdfast_aws.runtime.process import Process
from holdfast_aws.runtime.queues import Queue
from holdfast_aws.runtime.sends import Sends
from holdfast_aws.runtime.settings import settings
from holdfast_http.ingress.inputs import InputCheck

process = Process(settings(), runs_max=0)
dead = Queue(process.ports.clients.sqs, settings().sends_dead_queue_url)
sends = Sends(process, parking=dead, check_input=InputCheck())
handler = process.handler(sends.handle)
