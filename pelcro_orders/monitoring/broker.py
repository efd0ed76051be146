"""How many messages wait in each queue of Celery, and for how long the next one at least.

A message carries no time that two machines would agree on. So Redis remembers which message is next, and since when it
has been seen to be: that time grows while nobody takes it.
"""

from dataclasses import dataclass

from django.conf import settings

from backoffice.redis_client import redis_client

HEADS = "queue-heads"
LOOK = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local found = {}
for _, queue in ipairs(ARGV) do
    local head = redis.call('LINDEX', queue, -1)
    local age = 0
    if head then
        local id = redis.sha1hex(head)
        local known = redis.call('HMGET', KEYS[1], queue, queue .. ':since')
        if known[1] == id then
            age = now - known[2]
        else
            redis.call('HSET', KEYS[1], queue, id, queue .. ':since', now)
        end
    end
    found[#found + 1] = {redis.call('LLEN', queue), tostring(age)}
end
return found
"""


@dataclass(frozen=True, slots=True)
class MessageQueue:
    name: str
    messages: int
    seconds: float


def message_queues() -> list[MessageQueue]:
    """Raise redis.RedisError."""
    names = [queue.name for queue in settings.CELERY_TASK_QUEUES]
    found = redis_client().eval(LOOK, 1, HEADS, *names)
    return [MessageQueue(name, int(messages), float(age)) for name, (messages, age) in zip(names, found, strict=True)]
