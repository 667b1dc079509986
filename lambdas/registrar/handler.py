"""The registrar: CloudFormation's custom resource for versions of handler functions."""

import holdfast_aws.runtime.loading  # noqa: F401 - before all that takes time
from holdfast_aws.runtime.process import Process
from holdfast_aws.runtime.pruning import Pruning
from holdfast_aws.runtime.registrar import Registrar
from holdfast_aws.runtime.settings import settings
from holdfast_aws.runtime.versions import LambdaVersions

process = Process(settings(), runs_max=0)
registrar = Registrar(process, pruning=Pruning(process.world, LambdaVersions(process.ports.clients.functions)))
handler = process.handler(registrar.handle, looks_first=False)
