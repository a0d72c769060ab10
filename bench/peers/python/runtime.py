"""The loop of a Lambda runtime: next invocation, handler, answer. As little as speaks the runtime API, with one
connection kept alive.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
from http.client import HTTPConnection

from handler import handler

INVOCATION = "/2018-06-01/runtime/invocation"


def main():
    api = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def call(method, path, body=None):
        api.request(method, f"{INVOCATION}/{path}", body=body)
        with api.getresponse() as response:
            return response.headers, response.read()

    while True:
        headers, payload = call("GET", "next")
        request_id = headers["lambda-runtime-aws-request-id"]
        try:
            answer, kind = handler(json.loads(payload)), "response"
        except Exception as error:  # Lambda reports whatever a handler raises.
            answer = {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": []}
            kind = "error"
        call("POST", f"{request_id}/{kind}", json.dumps(answer).encode())


main()
