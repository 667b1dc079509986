"""All examples as one Lambda function, with our SDK."""

import holdfast.aws_lambda
from examples.everything import services

handler = holdfast.aws_lambda.handler(services)
