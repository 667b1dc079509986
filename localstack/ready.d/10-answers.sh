#!/usr/bin/env bash
# LocalStack runs this once its services can be used. `make up` deploys when all that the stack is made of answers.
set -euo pipefail
rm -f /tmp/holdfast/ready
awslocal dynamodb list-tables >/dev/null
awslocal sqs list-queues >/dev/null
awslocal lambda list-functions >/dev/null
awslocal s3api list-buckets >/dev/null
awslocal cloudformation list-stacks >/dev/null
touch /tmp/holdfast/ready
