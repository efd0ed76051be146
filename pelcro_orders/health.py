"""`/healthz`, `/readyz` and `/metrics`, for monitoring and scripts; `/livez` is the edge's (docs/decisions/0027)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse

from pelcro_orders.monitoring.metrics import metrics_response
from pelcro_orders.monitoring.probes import postgres_answers, redis_answers
from pelcro_orders.monitoring.readiness import ready_response

Handler = Callable[[HttpRequest], HttpResponse]


def health_response(_request: HttpRequest) -> JsonResponse:
    answers = {"postgresql": postgres_answers(), "redis": redis_answers()}
    body = {name: "answers" if each else "does not answer" for name, each in answers.items()}
    return JsonResponse(body, status=200 if all(answers.values()) else 503)


RESPONSES: dict[str, Handler] = {
    "/healthz": health_response,
    "/readyz": ready_response,
    "/metrics": metrics_response,
}


def health(get_response: Handler) -> Handler:
    """First of all middleware: monitoring asks by IP address, not by one of ALLOWED_HOSTS, and without TLS."""

    def handle(request: HttpRequest) -> HttpResponse:
        respond = RESPONSES.get(request.path_info)
        return respond(request) if respond else get_response(request)

    return handle
