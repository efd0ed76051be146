"""The details of who sells: each change makes another version, with which the next documents are frozen."""

import struct

from django.utils.translation import gettext as _

from billing.models import Seller, SellerVersion
from billing.models.seller import DETAILS

MAX_LOGO_BYTES = 200_000
MAX_LOGO_PIXELS = 2_000
PNG, HEADER = b"\x89PNG\r\n\x1a\n", struct.Struct(">8s4x4sII")


class WrongLogo(ValueError):
    """Its text says to users what is wrong, and what to send."""


def freeze_seller(seller: Seller) -> None:
    """Write the version that the next documents are frozen with, unless the last one says the same.

    The caller holds the lock of the row.
    """
    details = {name: getattr(seller, name) for name in DETAILS}
    version = seller.version
    same = version and version.details == details and _bytes(version.logo) == _bytes(seller.logo)
    if seller.name and not same:
        seller.version = SellerVersion.objects.create(details=details, logo=seller.logo)
        seller.save(update_fields=["version"])


def _bytes(logo: memoryview | bytes | None) -> bytes:
    return bytes(logo or b"")


def check_logo(content: bytes) -> None:
    """Raise WrongLogo for what is no PNG, or a bigger one than documents have room for."""
    if len(content) > MAX_LOGO_BYTES:
        raise WrongLogo(_("The logo has more than %(most)s kB: send a smaller one.") % {"most": MAX_LOGO_BYTES // 1000})
    if len(content) < HEADER.size or not content.startswith(PNG):
        raise WrongLogo(_("The logo is no PNG: save it as one."))
    _signature, _chunk, width, height = HEADER.unpack_from(content)
    if not (0 < width <= MAX_LOGO_PIXELS and 0 < height <= MAX_LOGO_PIXELS):
        values = {"width": width, "height": height, "most": MAX_LOGO_PIXELS}
        raise WrongLogo(
            _("The logo has %(width)s x %(height)s pixels: send one of at most %(most)s each way.") % values
        )
