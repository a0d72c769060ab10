"""moto's server with the locks that its SQS lacks, on a socket that is open already.

In: standard input is the listening socket; the arguments, if any, are account, region, id, alias and URL of an AMP
workspace that the control plane then has. Out: the line "ready" on standard output, then moto's APIs. moto answers
requests in several threads, but rebuilds the list of a queue's messages without its lock when one is deleted: a message
that is sent in that moment is gone. Its receives may hand out a message twice for the same reason.
"""

import os
import socket
import sys

from moto.amp.models import amp_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sqs.models import Queue, SQSBackend
from werkzeug.serving import make_server


def locked(method):
    def call(queue, *arguments, **named):
        with queue._messages_lock:
            return method(queue, *arguments, **named)

    return call


def wait_for_messages(queue, timeout):
    # A long poll must let go of the lock even if there are messages that it may not have (a FIFO group at work).
    with queue._messages_lock:
        queue._messages_lock.wait(min(timeout, 0.05))


receive = SQSBackend.receive_message


def receive_message(backend, queue_name, *arguments, **named):
    with backend.get_queue(queue_name)._messages_lock:
        return receive(backend, queue_name, *arguments, **named)


def register_workspace(account, region, workspace_id, alias, endpoint):
    # CreateWorkspace would give it another id and a URL at AWS.
    backend = amp_backends[account][region]
    workspace = backend.create_workspace(alias=alias, tags={})
    del backend.workspaces[workspace.workspace_id]
    workspace.arn = workspace.arn.replace(workspace.workspace_id, workspace_id)
    workspace.workspace_id = workspace_id
    workspace.endpoint = endpoint
    backend.workspaces[workspace_id] = workspace


Queue.add_message = locked(Queue.add_message)
Queue.delete_message = locked(Queue.delete_message)
Queue.wait_for_messages = wait_for_messages
SQSBackend.receive_message = receive_message

if len(sys.argv) > 1:
    register_workspace(*sys.argv[1:])
with socket.socket(fileno=os.dup(0)) as listener:
    host, port = listener.getsockname()
os.environ["MOTO_PORT"] = str(port)
app = DomainDispatcherApplication(create_backend_app)
server = make_server(host, port, app, threaded=True, request_handler=MotoRequestHandler, fd=0)
print("ready", flush=True)
# The parent reads no further.
os.dup2(2, 1)
server.serve_forever()
