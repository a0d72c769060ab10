"""The same job as the function, as one would write it in Python: an SQS batch of events in, signed write requests out.

In: the event as Lambda's runtime parses it. Out: the ids of the messages to give back. Protobuf by upb (C), snappy by
cramjam (Rust), the bodies' JSON by orjson (Rust), SigV4 by botocore with OpenSSL's SHA-256, the connection kept alive.

It does less than the function: a refused request is given back as a whole, there is no dead-letter queue, names are
checked and not escaped.
"""

import json
import math
import os
import re
import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import cramjam
import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from remote_pb2 import WriteRequest

MAX_REQUEST_BYTES = 1_000_000
# What a sample takes at most: two keys, a double, a timestamp, and its own key and length.
MAX_SAMPLE_BYTES = 24

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*").fullmatch
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*").fullmatch
DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|Inf)|NaN").fullmatch

URL = os.environ["REMOTE_WRITE_URL"]
ENDPOINT = urlsplit(URL)
CREDENTIALS = Credentials(
    os.environ["AWS_ACCESS_KEY_ID"],
    os.environ["AWS_SECRET_ACCESS_KEY"],
    os.environ.get("AWS_SESSION_TOKEN"),
)
SIGNER = SigV4Auth(CREDENTIALS, "aps", os.environ["AWS_REGION"])
HEADERS = {
    "content-encoding": "snappy",
    "content-type": "application/x-protobuf",
    "user-agent": "push-gateway-bench-python",
    "x-prometheus-remote-write-version": "0.1.0",
}

connection = HTTPConnection(ENDPOINT.hostname, ENDPOINT.port)


def handler(event):
    failed = set()
    samples_by_series = {}
    for record in event["Records"]:
        try:
            add_event(samples_by_series, orjson.loads(record["body"]), record["messageId"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            print(f"{record['messageId']} is invalid: {error}", file=sys.stderr)
            failed.add(record["messageId"])
    written = 0
    for request, origins in requests(samples_by_series):
        if write(request):
            written += len(origins)
        else:
            failed.update(origins)
    print(json.dumps({"Samples": written}), flush=True)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def add_event(samples_by_series, event, message_id):
    timestamp = event["timestamp"]
    if type(timestamp) is not int:
        raise ValueError("timestamp is no integer")
    labels = [(name, value) for name, value in event["dimensions"].items() if value != ""]
    for name, value in labels:
        if not LABEL_NAME(name) or type(value) is not str:
            raise ValueError(f"bad dimension {name}")
    values = []
    for name, value in event["metrics"].items():
        if not METRIC_NAME(name):
            raise ValueError(f"bad metric name {name}")
        values.append((name, value_of(value)))
    if not values:
        raise ValueError("no metrics")
    for name, value in values:
        key = tuple(sorted((*labels, ("__name__", name))))
        samples_by_series.setdefault(key, []).append((timestamp, value, message_id))


def value_of(value):
    if type(value) in (int, float):
        return float(value)
    if type(value) is not str or not DECIMAL(value):
        raise ValueError(f"bad value {value}")
    return float(value)


def requests(samples_by_series):
    """Series in order of time, the last sample of each timestamp, in requests within the limit."""
    request, origins, size = WriteRequest(), [], 0
    for labels, samples in samples_by_series.items():
        samples.sort(key=lambda sample: sample[0])
        last = list({sample[0]: sample for sample in samples}.values())
        label_size = 12 + sum(12 + 3 * (len(name) + len(value)) for name, value in labels)
        most = math.floor((MAX_REQUEST_BYTES - label_size) / MAX_SAMPLE_BYTES)
        for start in range(0, len(last), most):
            part = last[start : start + most]
            part_size = label_size + len(part) * MAX_SAMPLE_BYTES
            if size + part_size > MAX_REQUEST_BYTES:
                yield request, origins
                request, origins, size = WriteRequest(), [], 0
            series = request.timeseries.add()
            for name, value in labels:
                series.labels.add(name=name, value=value)
            add_sample = series.samples.add
            for timestamp, value, message_id in part:
                add_sample(value=value, timestamp=timestamp)
                origins.append(message_id)
            size += part_size
    if origins:
        yield request, origins


def write(request):
    body = bytes(cramjam.snappy.compress_raw(request.SerializeToString()))
    signed = AWSRequest(method="POST", url=URL, data=body, headers=HEADERS)
    SIGNER.add_auth(signed)
    try:
        connection.request("POST", ENDPOINT.path, body=body, headers=dict(signed.headers.items()))
        with connection.getresponse() as response:
            response.read()
            return 200 <= response.status < 300
    except (HTTPException, OSError):
        # The next request connects again.
        connection.close()
        return False
