"""The engine's ports on AWS: DynamoDB, SQS, Lambda, S3; the only place that knows boto3."""
