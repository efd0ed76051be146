"""`/healthz` and `/readyz`: what monitoring and deploy scripts ask (docs/decisions/0027). `/livez` is the edge's."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse

from pelcro_orders.monitoring.probes import postgres_answers, redis_answers
from pelcro_orders.monitoring.readiness import ready_response

Handler = Callable[[HttpRequest], HttpResponse]


def health_response() -> JsonResponse:
    answers = {"postgresql": postgres_answers(), "redis": redis_answers()}
    body = {name: "answers" if each else "does not answer" for name, each in answers.items()}
    return JsonResponse(body, status=200 if all(answers.values()) else 503)


RESPONSES: dict[str, Callable[[], HttpResponse]] = {"/healthz": health_response, "/readyz": ready_response}


def health(get_response: Handler) -> Handler:
    """First of all middleware: monitoring asks by IP address, not by one of ALLOWED_HOSTS, and without TLS."""

    def handle(request: HttpRequest) -> HttpResponse:
        respond = RESPONSES.get(request.path_info)
        return respond() if respond else get_response(request)

    return handle
