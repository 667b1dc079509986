"""The sweeper: timers that fall due soon go onto the queue of wake-ups."""

import holdfast_aws.runtime.loading  # noqa: F401 - before all that takes time
from holdfast_aws.runtime.process import Process
from holdfast_aws.runtime.settings import settings
from holdfast_aws.runtime.sweeping import Sweeping

process = Process(settings(), runs_max=0)
handler = process.handler(Sweeping(process).handle)
