"""Creates AMP workspaces with the AWS SDK for Python and prints their descriptions as a JSON array.

Usage: workspaces.py <endpoint> <region> <alias>...
"""

import datetime
import json
import sys

import boto3

endpoint, region, *aliases = sys.argv[1:]
amp = boto3.client(
    "amp", endpoint_url=endpoint, region_name=region, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret"
)


def described(alias):
    created = amp.create_workspace(alias=alias, tags={"team": "t"})
    return amp.describe_workspace(workspaceId=created["workspaceId"])["workspace"]


def to_the_second(time):
    return time.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


print(json.dumps([described(alias) for alias in aliases], default=to_the_second))
