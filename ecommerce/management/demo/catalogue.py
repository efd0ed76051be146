"""What the demo shop sells: 12 products, 30 SKUs, three currencies, six coupons."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from ecommerce.models import Coupon, Product, Sku


@dataclass(frozen=True, slots=True)
class Kind:
    """One SKU: its code, name and price in the minor unit; `stock` is None where it is infinite."""

    code: str
    name: str
    price: int
    stock: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """One product."""

    name: str
    description: str
    image: str
    currency: str
    kinds: tuple[Kind, ...]
    shippable: bool = True


OFFERS = (
    Offer(
        "Enamel mug",
        "Holds 350 ml, survives camp fires and dishwashers.",
        "mug",
        "usd",
        (
            Kind("MUG-RED", "red", 1800, 240),
            Kind("MUG-BLUE", "blue", 1800, 180),
            Kind("MUG-WHITE", "white", 1600, 6),
        ),
    ),
    Offer(
        "Organic T-shirt",
        "Heavy cotton, cut straight, printed by hand.",
        "tee",
        "usd",
        (
            Kind("TEE-S", "S", 2900, 120),
            Kind("TEE-M", "M", 2900, 160),
            Kind("TEE-L", "L", 2900, 140),
            Kind("TEE-XL", "XL", 3100, 4),
        ),
    ),
    Offer(
        "Canvas tote",
        "Carries a week's shopping, folds into a pocket.",
        "tote",
        "usd",
        (Kind("TOTE-SAND", "sand", 2400, 200), Kind("TOTE-INK", "ink", 2400, 150)),
    ),
    Offer(
        "Field notebook",
        "64 dotted pages, sewn, fits a back pocket.",
        "notebook",
        "usd",
        (Kind("NOTE-DOT", "dotted", 900), Kind("NOTE-PLAIN", "plain", 900), Kind("NOTE-3", "set of three", 2400)),
    ),
    Offer(
        "Poster",
        "Giclée print on 230 g paper, rolled in a tube.",
        "poster",
        "usd",
        (Kind("POST-A3", "A3", 3500, 90), Kind("POST-A2", "A2", 5200, 60)),
    ),
    Offer(
        "Coffee beans",
        "Roasted on Mondays, shipped on Tuesdays.",
        "coffee",
        "usd",
        (Kind("BEAN-250", "250 g", 1400), Kind("BEAN-1000", "1 kg", 4600)),
    ),
    Offer(
        "Digital edition",
        "The magazine as PDF and EPUB, a year of issues.",
        "edition",
        "usd",
        (Kind("DIGI-MONTH", "one month", 700), Kind("DIGI-YEAR", "one year", 6900)),
        shippable=False,
    ),
    Offer(
        "Photography course",
        "Eight lessons on video, with exercises.",
        "course",
        "usd",
        (Kind("COURSE-BASIC", "basic", 4900), Kind("COURSE-PRO", "with review", 14900)),
        shippable=False,
    ),
    Offer(
        "Kyoto tea",
        "First-flush sencha from Uji, in a tin.",
        "tea",
        "jpy",
        (
            Kind("TEA-50", "50 g", 1800, 300),
            Kind("TEA-100", "100 g", 3200, 220),
            Kind("TEA-GIFT", "gift box", 7600, 40),
        ),
    ),
    Offer(
        "Indigo scarf",
        "Dyed by hand in Tokushima.",
        "scarf",
        "jpy",
        (Kind("SCARF-LIGHT", "light", 9800, 60), Kind("SCARF-DARK", "dark", 9800, 50)),
    ),
    Offer(
        "Oud candle",
        "Burns for fifty hours.",
        "candle",
        "kwd",
        (Kind("CANDLE-S", "small", 6500, 120), Kind("CANDLE-L", "large", 12750, 80)),
    ),
    Offer(
        "Gift card",
        "Sent by e-mail, valid for two years.",
        "gift",
        "usd",
        (Kind("GIFT-25", "USD 25", 2500), Kind("GIFT-50", "USD 50", 5000), Kind("GIFT-100", "USD 100", 10000)),
        shippable=False,
    ),
)


def stock_shelves(*, at: datetime) -> list[Sku]:
    """Make all products and their SKUs."""
    return [sku for offer in OFFERS for sku in _offer(offer, at=at)]


def _offer(offer: Offer, *, at: datetime) -> list[Sku]:
    image = f"/static/ecommerce/demo/{offer.image}.svg"
    product = Product.objects.create(
        name=offer.name, description=offer.description, image=image, shippable=offer.shippable, created_at=at
    )
    return [Sku.objects.create(product=product, currency=offer.currency, **_columns(kind)) for kind in offer.kinds]


def _columns(kind: Kind) -> dict[str, object]:
    finite = kind.stock is not None
    return {
        "code": kind.code,
        "name": kind.name,
        "price": kind.price,
        "inventory_type": Sku.InventoryType.FINITE if finite else Sku.InventoryType.INFINITE,
        "inventory_quantity": kind.stock or 0,
    }


def print_coupons(*, at: datetime, today: datetime) -> None:
    """Make coupons: two to use, and one each that is expired, used up, of another currency, and for everything."""
    percent = {"SAVE10": "10", "WELCOME15": "15", "SPRING20": "20", "FRIENDS100": "100"}
    for code, off in percent.items():
        Coupon.objects.create(code=code, percent_off=Decimal(off), created_at=at)
    Coupon.objects.filter(code="SPRING20").update(redeem_by=today - timedelta(days=30))
    Coupon.objects.create(code="FIVEOFF", amount_off=500, currency="usd", created_at=at)
    Coupon.objects.create(code="TOKYO500", amount_off=500, currency="jpy", max_redemptions=3, created_at=at)
