"""What staff did by hand in the demo shop, so that Activity has more to show than the command that filled it."""

from django.db.models import F

from backoffice.activity.origin import acting
from customers.actors import Actor
from customers.models import Customer, User
from ecommerce.models import Coupon, Sku


def act_as_staff(staff: dict[str, User]) -> None:
    with acting(Actor.staff(staff["manager"]).origin()):
        counted = Sku.objects.filter(inventory_type=Sku.InventoryType.FINITE).order_by("pk")[:3].values("pk")
        Sku.objects.filter(pk__in=counted).update(inventory_quantity=F("inventory_quantity") + 12)
        Coupon.objects.filter(code="SPRING20").update(active=False)
    with acting(Actor.staff(staff["support"]).origin()):
        Customer.objects.filter(email="ada@example.com").update(phone="+44 20 7946 0018")
