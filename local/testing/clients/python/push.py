"""Pushes, adds and deletes with client_python. Usage: push.py URL USER PASSWORD [gzip | snappy]"""

import sys

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import basic_auth_handler, delete_from_gateway, push_to_gateway, pushadd_to_gateway

url, user, password, *compression = sys.argv[1:]
name = "_".join(["python", *compression])
registry = CollectorRegistry()
Counter(f"{name}_jobs", "Jobs.", ["kind"], registry=registry).labels("größe").inc(3)
Gauge(f"{name}_queue_size", "Size.", registry=registry).set(42.5)
duration = Histogram(f"{name}_duration_seconds", "Took.", buckets=[0.1, 1, 10], registry=registry)
for seconds in [0.05, 0.5, 5, 50]:
    duration.observe(seconds)


def authenticated(url, method, timeout, headers, data):
    # Function URLs and HTTP APIs damage a compressed body that is sent as text.
    if compression:
        headers = [(name, "application/octet-stream" if name == "Content-Type" else value) for name, value in headers]
    return basic_auth_handler(url, method, timeout, headers, data, user, password)


group = {"path": "a/b", "empty": "", "city": "Zürich 1+1"}
compressed = {"compression": compression[0]} if compression else {}
push_to_gateway(url, name, registry, handler=authenticated, **compressed)
pushadd_to_gateway(url, name, registry, group, handler=authenticated, **compressed)
delete_from_gateway(url, name, group, handler=authenticated)
