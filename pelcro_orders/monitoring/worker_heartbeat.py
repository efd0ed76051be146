"""The heartbeat of a Celery worker: from its main loop, while it takes tasks from its queues."""

import os
import platform
from typing import Any

from celery import bootsteps
from django.conf import settings

from backoffice import heartbeats


class WorkerHeartbeat(bootsteps.StartStopStep):
    """Starts anew with each connection to the broker: a worker that waits for Redis is not alive."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self.program: heartbeats.Program | None = None
        self.timer: Any = None

    def start(self, consumer: Any) -> None:
        self.program = heartbeats.Program(
            kind=heartbeats.Kind.WORKER,
            name=consumer.hostname,
            host=platform.node(),
            pid=os.getpid(),
            queues=tuple(sorted(queue.name for queue in consumer.task_consumer.queues)),
            processes=consumer.controller.concurrency,
            release=settings.RELEASE,
        )
        heartbeats.beat(self.program)
        self.timer = consumer.timer.call_repeatedly(heartbeats.SECONDS, heartbeats.beat, (self.program,))

    def stop(self, consumer: Any) -> None:  # noqa: ARG002 - Celery's
        if self.timer is not None:
            self.timer.cancel()

    def shutdown(self, consumer: Any) -> None:
        self.stop(consumer)
        if self.program is not None:
            heartbeats.forget(self.program)
