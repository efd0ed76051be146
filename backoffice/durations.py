"""How long something took or is ago, in the largest unit that says enough."""

from django.utils.translation import gettext as _

UNITS = ((86400, _("%(count)s days")), (3600, _("%(count)s h")), (60, _("%(count)s min")))


def in_words(seconds: float) -> str:
    for size, words in UNITS:
        if seconds >= 2 * size:
            return words % {"count": int(seconds // size)}
    return _("%(count)s s") % {"count": int(seconds)}
