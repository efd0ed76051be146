"""`/healthz`: whether PostgreSQL and Redis answer, for whoever watches over this process."""

from collections.abc import Callable

import psycopg
import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

Handler = Callable[[HttpRequest], HttpResponse]
SECONDS = 2


def postgres_answers() -> bool:
    """Ask PostgreSQL over a connection of its own, since one in use says nothing about new ones."""
    address = {name: value for name, value in connection.get_connection_params().items() if name in ADDRESS}
    try:
        with psycopg.connect(**address, connect_timeout=SECONDS, options="-c statement_timeout=1000") as asked:
            asked.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


ADDRESS = ("host", "port", "dbname", "user", "password")


def redis_answers() -> bool:
    """Ask Redis."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as asked:
            return bool(asked.ping())
    except redis.RedisError:
        return False


def answer() -> JsonResponse:
    """Say which of them answer."""
    found = {"postgresql": postgres_answers(), "redis": redis_answers()}
    words = {name: "answers" if well else "does not answer" for name, well in found.items()}
    return JsonResponse(words, status=200 if all(found.values()) else 503)


def health(get_response: Handler) -> Handler:
    """Answer before any other middleware: a watcher asks by address, not by one of ALLOWED_HOSTS, and without TLS."""

    def handle(request: HttpRequest) -> HttpResponse:
        return answer() if request.path_info == "/healthz" else get_response(request)

    return handle
