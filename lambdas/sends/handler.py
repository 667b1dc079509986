"""The sends queue: messages of any producer that start invocations."""

from holdfast_aws.runtime.process import Process
from holdfast_aws.runtime.queues import Queue
from holdfast_aws.runtime.sends import Sends
from holdfast_aws.runtime.settings import settings
from holdfast_http.ingress.inputs import InputCheck

process = Process(settings(), runs_max=0)
sends = Sends(process, parking=Queue(settings().sends_dead_queue_url), check_input=InputCheck())
handler = process.handler(sends.handle)
