"""The stand-in for AWS: its queue stays consistent while several clients delete and add messages at the same time."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tools.aws import LocalAws

MESSAGES = 60


@pytest.fixture
def _threads_take_turns_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_threads_take_turns_often")
def test_messages_may_be_deleted_and_added_at_the_same_time(aws: LocalAws) -> None:
    queue = aws.new_queue(attributes={"VisibilityTimeout": "60"})

    def send(number: int) -> None:
        queue.client.send_message(QueueUrl=queue.url, MessageBody=str(number))

    def delete(receipt: str) -> None:
        queue.client.delete_message(QueueUrl=queue.url, ReceiptHandle=receipt)

    with ThreadPoolExecutor(8) as threads:
        for _ in range(2):
            [*threads.map(send, range(MESSAGES))]
            received: list[str] = []
            while records := queue.receive():
                received += [record["receiptHandle"] for record in records]
            deleting = threads.map(delete, received)
            sending = threads.map(send, range(3))
            assert (len([*deleting]), len([*sending])) == (MESSAGES, 3)
            assert queue.messages == 3
            while records := queue.receive():
                [*threads.map(delete, [record["receiptHandle"] for record in records])]
