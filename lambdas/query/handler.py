"""SQL: called by the admin function with a query; reads the tables and changes nothing."""

import holdfast_aws.runtime.loading  # noqa: F401 - before all that takes time
from holdfast_aws.runtime.process import Process
from holdfast_aws.runtime.settings import settings
from holdfast_http.query.on_lambda import QueryFunction

process = Process(settings(), runs_max=0)
process.world.listing = process.ports.store.listing
handler = process.handler(QueryFunction(process.engine).handle)
