"""`/healthz`: whether PostgreSQL and Redis answer, for load balancers and monitoring."""

from collections.abc import Callable

import psycopg
import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

Handler = Callable[[HttpRequest], HttpResponse]
TIMEOUT = 2
CONNECTION_PARAMETERS = ("host", "port", "dbname", "user", "password")


def postgres_answers() -> bool:
    # A new connection: an open one does not tell whether new ones are accepted.
    every = connection.get_connection_params()
    parameters = {name: every[name] for name in CONNECTION_PARAMETERS if name in every}
    try:
        with psycopg.connect(**parameters, connect_timeout=TIMEOUT, options="-c statement_timeout=1000") as probe:
            probe.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def redis_answers() -> bool:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT) as probe:
            return bool(probe.ping())
    except redis.RedisError:
        return False


def health_response() -> JsonResponse:
    answers = {"postgresql": postgres_answers(), "redis": redis_answers()}
    body = {name: "answers" if each else "does not answer" for name, each in answers.items()}
    return JsonResponse(body, status=200 if all(answers.values()) else 503)


def health(get_response: Handler) -> Handler:
    """First of all middleware: monitoring asks by IP address, not by one of ALLOWED_HOSTS, and without TLS."""

    def handle(request: HttpRequest) -> HttpResponse:
        return health_response() if request.path_info == "/healthz" else get_response(request)

    return handle
