"""What the demo shop sells: 14 products, 34 SKUs, four currencies, six coupons."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from ecommerce.models import Coupon, Product, Sku, TaxCategory


@dataclass(frozen=True, slots=True)
class SkuSpec:
    """The price is in the minor unit; a `stock` of None is infinite. The weight in grams is the product's, if none."""

    code: str
    name: str
    price: int
    stock: int | None = None
    weight: int = 0


@dataclass(frozen=True, slots=True)
class ProductSpec:
    name: str
    description: str
    image: str
    currency: str
    skus: tuple[SkuSpec, ...]
    shippable: bool = True
    weight: int = 0
    tax_category: TaxCategory = TaxCategory.STANDARD


PRODUCTS = (
    ProductSpec(
        "Enamel mug",
        "Holds 350 ml, survives camp fires and dishwashers.",
        "mug",
        "usd",
        (
            SkuSpec("MUG-RED", "red", 1800, 240),
            SkuSpec("MUG-BLUE", "blue", 1800, 180),
            SkuSpec("MUG-WHITE", "white", 1600, 6),
        ),
        weight=380,
    ),
    ProductSpec(
        "Organic T-shirt",
        "Heavy cotton, cut straight, printed by hand.",
        "tee",
        "usd",
        (
            SkuSpec("TEE-S", "S", 2900, 120),
            SkuSpec("TEE-M", "M", 2900, 160),
            SkuSpec("TEE-L", "L", 2900, 140),
            SkuSpec("TEE-XL", "XL", 3100, 4),
        ),
        weight=220,
    ),
    ProductSpec(
        "Canvas tote",
        "Carries a week's shopping, folds into a pocket.",
        "tote",
        "usd",
        (SkuSpec("TOTE-SAND", "sand", 2400, 200), SkuSpec("TOTE-INK", "ink", 2400, 150)),
        weight=190,
    ),
    ProductSpec(
        "Field notebook",
        "64 dotted pages, sewn, fits a back pocket.",
        "notebook",
        "usd",
        (
            SkuSpec("NOTE-DOT", "dotted", 900),
            SkuSpec("NOTE-PLAIN", "plain", 900),
            SkuSpec("NOTE-3", "set of three", 2400, weight=330),
        ),
        weight=110,
    ),
    ProductSpec(
        "Poster",
        "Giclée print on 230 g paper, rolled in a tube.",
        "poster",
        "usd",
        (SkuSpec("POST-A3", "A3", 3500, 90), SkuSpec("POST-A2", "A2", 5200, 60)),
        weight=450,
    ),
    ProductSpec(
        "Coffee beans",
        "Roasted on Mondays, shipped on Tuesdays.",
        "coffee",
        "usd",
        (SkuSpec("BEAN-250", "250 g", 1400, weight=280), SkuSpec("BEAN-1000", "1 kg", 4600, weight=1060)),
    ),
    ProductSpec(
        "Digital edition",
        "The magazine as PDF and EPUB, a year of issues.",
        "edition",
        "usd",
        (SkuSpec("DIGI-MONTH", "one month", 700), SkuSpec("DIGI-YEAR", "one year", 6900)),
        shippable=False,
    ),
    ProductSpec(
        "Photography course",
        "Eight lessons on video, with exercises.",
        "course",
        "usd",
        (SkuSpec("COURSE-BASIC", "basic", 4900), SkuSpec("COURSE-PRO", "with review", 14900)),
        shippable=False,
    ),
    ProductSpec(
        "Letterpress calendar",
        "Twelve sheets on cotton paper, printed in Leipzig.",
        "poster",
        "eur",
        (SkuSpec("CAL-WALL", "wall", 3900, 140), SkuSpec("CAL-DESK", "desk", 1900, 160)),
        weight=350,
    ),
    ProductSpec(
        "Type specimens",
        "A century of typefaces, with their history.",
        "notebook",
        "eur",
        (SkuSpec("TYPE-HARD", "hardcover", 4200, 80), SkuSpec("TYPE-SOFT", "paperback", 2400, 120)),
        weight=620,
        tax_category=TaxCategory.REDUCED,
    ),
    ProductSpec(
        "Kyoto tea",
        "First-flush sencha from Uji, in a tin.",
        "tea",
        "jpy",
        (
            SkuSpec("TEA-50", "50 g", 1800, 300),
            SkuSpec("TEA-100", "100 g", 3200, 220),
            SkuSpec("TEA-GIFT", "gift box", 7600, 40),
        ),
        weight=150,
    ),
    ProductSpec(
        "Indigo scarf",
        "Dyed by hand in Tokushima.",
        "scarf",
        "jpy",
        (SkuSpec("SCARF-LIGHT", "light", 9800, 60), SkuSpec("SCARF-DARK", "dark", 9800, 50)),
        weight=160,
    ),
    ProductSpec(
        "Oud candle",
        "Burns for fifty hours.",
        "candle",
        "kwd",
        (SkuSpec("CANDLE-S", "small", 6500, 120, 420), SkuSpec("CANDLE-L", "large", 12750, 80, 900)),
    ),
    ProductSpec(
        "Gift card",
        "Sent by e-mail, valid for two years.",
        "gift",
        "usd",
        (SkuSpec("GIFT-25", "USD 25", 2500), SkuSpec("GIFT-50", "USD 50", 5000), SkuSpec("GIFT-100", "USD 100", 10000)),
        shippable=False,
    ),
)


def create_products(*, at: datetime) -> list[Sku]:
    return [sku for spec in PRODUCTS for sku in _create_product(spec, at=at)]


def _create_product(spec: ProductSpec, *, at: datetime) -> list[Sku]:
    image = f"/static/ecommerce/demo/{spec.image}.svg"
    product = Product.objects.create(
        name=spec.name,
        description=spec.description,
        image=image,
        shippable=spec.shippable,
        tax_category=spec.tax_category if spec.shippable else TaxCategory.DIGITAL,
        created_at=at,
    )
    return [Sku.objects.create(product=product, currency=spec.currency, **_sku_fields(sku, spec)) for sku in spec.skus]


def _sku_fields(spec: SkuSpec, product: ProductSpec) -> dict[str, object]:
    finite = spec.stock is not None
    return {
        "code": spec.code,
        "name": spec.name,
        "price": spec.price,
        "inventory_type": Sku.InventoryType.FINITE if finite else Sku.InventoryType.INFINITE,
        "inventory_quantity": spec.stock or 0,
        "weight": spec.weight or product.weight,
        "bin": f"{product.image[0].upper()}-{product.skus.index(spec) + 1:02}" if product.shippable else "",
    }


def create_coupons(*, at: datetime, today: datetime) -> None:
    percent = {"SAVE10": "10", "WELCOME15": "15", "SPRING20": "20", "FRIENDS100": "100"}
    for code, off in percent.items():
        Coupon.objects.create(code=code, percent_off=Decimal(off), created_at=at)
    Coupon.objects.filter(code="SPRING20").update(redeem_by=today - timedelta(days=30))
    Coupon.objects.create(code="FIVEOFF", amount_off=500, currency="usd", created_at=at)
    Coupon.objects.create(code="TOKYO500", amount_off=500, currency="jpy", max_redemptions=3, created_at=at)
