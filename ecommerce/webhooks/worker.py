"""Where the sender runs: in each process of a Celery worker."""

import os
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

from celery import shared_task
from celery.signals import worker_process_init, worker_process_shutdown

from ecommerce.webhooks.sender import STOP_SECONDS, Sender


@dataclass(frozen=True, slots=True)
class Running:
    """The sender of a process, which a fork does not take along."""

    thread: Thread
    stop: Event
    pid: int


_running: list[Running] = []


def ensure_running() -> None:
    """Start the sender of this process, if none is running."""
    if _running and _running[0].pid == os.getpid() and _running[0].thread.is_alive():
        return
    stop = Event()
    thread = Thread(target=lambda: Sender().run(stop), name="webhook-sender", daemon=True)
    _running[:] = [Running(thread, stop, os.getpid())]
    thread.start()


@worker_process_init.connect
def start(**_kwargs: Any) -> None:
    """Start with the process of a worker."""
    ensure_running()


@worker_process_shutdown.connect
def stop(**_kwargs: Any) -> None:
    """Let what is under way end, for a moment."""
    for running in _running:
        running.stop.set()
        running.thread.join(STOP_SECONDS)


@shared_task(name="ecommerce.send_webhooks")
def send_webhooks() -> None:
    """Have a sender run: for pools that start no processes, and should one have ended. Beat calls it."""
    ensure_running()
