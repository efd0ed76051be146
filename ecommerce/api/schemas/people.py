"""Customers, their addresses and cards, as orders and accounts show them."""

from ecommerce.api.schemas.rows import FromRow


class PostalAddress(FromRow):
    """An address; an order's is frozen when it is placed. `lines` are as its country writes it, ready for printing."""

    name: str
    company: str = ""
    department: str = ""
    line1: str
    line2: str
    city: str
    state: str
    postal_code: str
    country: str
    delivery_instructions: str = ""
    lines: list[str]


class OrderCustomer(FromRow):
    """The customer who ordered."""

    id: int
    email: str
    first_name: str
    last_name: str


class CardSummary(FromRow):
    """A card's brand and last four digits."""

    brand: str
    last4: str
