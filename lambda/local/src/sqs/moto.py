"""moto's server with the locks that its SQS lacks.

In: the arguments of moto_server. Out: the same server. moto answers requests in several threads, but rebuilds the list of
a queue's messages without its lock when one is deleted: a message that is sent in that moment is gone. Its receives
may hand out a message twice for the same reason.
"""

from moto.server import main
from moto.sqs.models import Queue, SQSBackend


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


Queue.add_message = locked(Queue.add_message)
Queue.delete_message = locked(Queue.delete_message)
Queue.wait_for_messages = wait_for_messages
SQSBackend.receive_message = receive_message

main()
