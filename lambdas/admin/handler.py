"""The admin API, behind a function URL."""

import holdfast_aws.runtime.loading  # noqa: F401 - before all that takes time
from holdfast_aws.runtime.process import Process
from holdfast_aws.runtime.settings import settings
from holdfast_http.admin.app import Admin
from holdfast_http.powertools import function_url_resolver_for
from holdfast_http.query.on_lambda import RemoteQueries

process = Process(settings(), runs_max=0)
process.world.listing = process.ports.store.listing
admin = Admin(
    process.engine,
    product_version=settings().version,
    ingress_url=settings().ingress_url,
    queries=RemoteQueries(process.ports.clients.functions, settings().query_function),
)
handler = process.handler(function_url_resolver_for(admin).resolve_async)
