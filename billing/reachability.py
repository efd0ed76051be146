"""Whether Stripe answers, asked once a minute by all processes together, whoever wants to know."""

import threading
from dataclasses import dataclass

from django.core.cache import cache
from django.utils.translation import gettext as _

from billing import gateway
from billing.gateway_types import Busy, GatewayError, Misconfigured, Unavailable

EVERY, EVERY_WHILE_AWAY = 60, 15  # seconds
REMEMBERED = 10 * 60
TIMEOUTS = (2.0, 3.0)  # seconds to connect, and to read
ASKED, ANSWER = "stripe-asked", "stripe-answer"


@dataclass(frozen=True, slots=True)
class Reachability:
    """`found` is a sentence for the operator; `advice` is empty where nothing is to be done."""

    answers: bool
    found: str
    advice: str = ""


def reachability() -> Reachability | None:
    """Return what was found last, asking anew if that is a minute old; None while another process asks at first."""
    return _ask_and_remember() if _is_due() else last_found()


def ask_in_background() -> None:
    """Have `last_found` be of the last minute, without waiting for Stripe."""
    if _is_due():
        threading.Thread(target=_ask_and_remember, name="ask-stripe", daemon=True).start()


def _is_due() -> bool:
    """Whether this process is to ask; no other one does until then."""
    return bool(cache.add(ASKED, True, timeout=EVERY))


def _ask_and_remember() -> Reachability:
    found = _ask()
    cache.set(ANSWER, found, timeout=REMEMBERED)
    if not found.answers:
        cache.set(ASKED, True, timeout=EVERY_WHILE_AWAY)
    return found


def last_found() -> Reachability | None:
    """Return what was found last within some minutes, without asking."""
    found: Reachability | None = cache.get(ANSWER)
    return found


def _ask() -> Reachability:
    try:
        gateway.ask_for_answer(TIMEOUTS)
    except Misconfigured as error:
        advice = _("Set STRIPE_SECRET_KEY to the secret key of Stripe's dashboard, and start web and workers again.")
        return Reachability(answers=False, found=_("refuses us: %(why)s") % {"why": error.message}, advice=advice)
    except Busy as error:
        return Reachability(answers=True, found=_("answers, and asks to go slower: %(why)s") % {"why": error.message})
    except Unavailable as error:
        advice = _("Look at Stripe's status page and at this machine's way to it; what waits is sent once it answers.")
        return Reachability(answers=False, found=_("does not answer: %(why)s") % {"why": error.message}, advice=advice)
    except GatewayError as error:
        return Reachability(answers=True, found=_("answers: %(why)s") % {"why": error.message})
    return Reachability(answers=True, found=_("answers"))
