"""Tags, which staff find orders by."""

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from ecommerce.models.order import Order


class Tag(models.Model):
    """`name` is unique without regard to case."""

    class Colour(models.TextChoices):
        GREY = "grey", _("Grey")
        RED = "red", _("Red")
        ORANGE = "orange", _("Orange")
        GREEN = "green", _("Green")
        BLUE = "blue", _("Blue")
        PURPLE = "purple", _("Purple")

    name = models.CharField(_("name"), max_length=40)
    colour = models.CharField(_("colour"), max_length=10, choices=Colour, default=Colour.GREY)
    orders = models.ManyToManyField(Order, through="OrderTag", related_name="tags", editable=False)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        constraints = [
            models.UniqueConstraint(
                Lower("name"), name="tag_name", violation_error_message=_("There is a tag of this name already.")
            ),
            models.CheckConstraint(
                condition=~models.Q(name="") & ~models.Q(name__contains=","),
                name="tag_name_without_comma",
                violation_error_message=_("A tag has no comma in it."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OrderTag(models.Model):
    """An order's tag."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="order_tags", db_index=False)
    tag = models.ForeignKey(Tag, models.CASCADE, related_name="order_tags", db_index=False)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["order", "tag"], name="order_tag_once")]
        indexes = [models.Index(fields=["tag", "order"], name="order_tag_of_tag")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.tag_id}"
