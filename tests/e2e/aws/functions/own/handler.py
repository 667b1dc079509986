"""The examples, and the services of the tests of kills and poison, as one Lambda function with our SDK."""

import holdfast.aws_lambda
from examples.everything import services as examples
from tests.support.services.poison import services as poison
from tests.support.services.work import services as work

handler = holdfast.aws_lambda.handler([*examples, *work, *poison])
