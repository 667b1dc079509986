"""Deploys an orchestrator: `cdk deploy` in this folder.

`-c http_api=true` puts an HTTP API in front of the ingress, `-c sql=true` adds the function that answers SQL.
"""

from __future__ import annotations

from aws_cdk import App

from holdfast_cdk import Door, HoldfastOptions, HoldfastStack
from holdfast_cdk.nag import check

app = App()
door = Door.HTTP_API if app.node.try_get_context("http_api") == "true" else Door.FUNCTION_URL
with_sql = app.node.try_get_context("sql") == "true"
HoldfastStack(app, "Holdfast", options=HoldfastOptions(ingress_door=door, sql=with_sql))
check(app)
app.synth()
