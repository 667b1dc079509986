"""The ingress: requests to handlers, behind a function URL or an HTTP API."""

import holdfast_aws.runtime.loading  # noqa: F401 - before all that takes time
from holdfast_aws.runtime.process import Process
from holdfast_aws.runtime.settings import settings
from holdfast_http.ingress.on_lambda import LambdaIngress
from holdfast_http.powertools import function_url_resolver_for, resolver_for

process = Process(settings(), runs_max=0, invokes=True)
bind = resolver_for if settings().ingress_door == "http-api" else function_url_resolver_for
handler = process.handler(bind(LambdaIngress(process)).resolve_async, looks_first=False)
