"""The address that the provider's webhooks call: `/webhooks/mail/<provider>/`."""

import logging
from typing import Any

from anymail.exceptions import AnymailError
from anymail.signals import AnymailTrackingEvent, tracking
from django.conf import settings
from django.dispatch import receiver
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt

from customers.mail import feedback

logger = logging.getLogger(__name__)


@csrf_exempt
def provider_webhook(request: HttpRequest, provider: str) -> HttpResponse:
    """Hand a call to django-anymail, which checks who calls; nothing is heard where nothing could be checked."""
    if not settings.MAIL_SERVER.view or provider != settings.MAIL_SERVER.name:
        raise Http404
    try:
        answer: HttpResponse = import_string(settings.MAIL_SERVER.view).as_view()(request)
    except AnymailError:  # not signed, or not as the provider signs
        return HttpResponseBadRequest()
    except (LookupError, TypeError, ValueError, AttributeError):
        # Not as that provider writes it. What the database refuses is another kind of error: they call again.
        logger.warning("What %s called can't be read.", provider, exc_info=True)
        return HttpResponseBadRequest()
    return answer


@receiver(tracking)
def heard(event: AnymailTrackingEvent, **_names: Any) -> None:
    feedback.apply(event)
