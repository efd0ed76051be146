"""Payment links in responses."""

from datetime import datetime

from pydantic import BaseModel

from ecommerce.api.schemas.rows import FromRow


class PaymentLink(FromRow):
    """The address of a page on which one order is paid."""

    url: str
    expires_at: datetime


class PaymentLinkData(BaseModel):
    payment_link: PaymentLink


class PaymentLinkResponse(BaseModel):
    data: PaymentLinkData
