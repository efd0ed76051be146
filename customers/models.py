"""Users, customers and addresses."""

import re
from typing import ClassVar, Literal, NotRequired, Self, TypedDict

from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Value
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.countries import country_name
from customers.emails import EmailKeyQuerySet, NormalEmailField, WithEmailKey, email_key, normal_email
from customers.mail.models import Mail as Mail
from customers.mail.models import MailTemplate as MailTemplate
from customers.postal_addresses import address_lines, has_cities
from customers.search import (
    AddressWords,
    CustomerWords,
    EqualsAny,
    Matches,
    Phone,
    PhoneBeginnings,
    clean_text,
    looks_like_phone,
)
from customers.zones import zone_choices


class Users(UserManager["User"]):
    """Django's manager, with look-ups by e-mail."""

    use_in_migrations = False

    def get_queryset(self) -> EmailKeyQuerySet["User"]:
        return EmailKeyQuerySet(self.model, using=self._db)

    def with_email(self, email: str) -> EmailKeyQuerySet["User"]:
        return self.get_queryset().with_email(email)


class User(WithEmailKey, AbstractUser):
    """Staff sign in by user name, customers by e-mail.

    `session_generation` rises to end all sessions and tokens of a user.
    """

    email = NormalEmailField(_("email address"), blank=True)
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        choices=zone_choices,
        blank=True,
        default="",
        db_default="",
        help_text=_("Times on the pages of staff, days in filters, and times in exported files are in this zone."),
    )
    session_generation = models.PositiveIntegerField(_("session generation"), default=0, editable=False)

    objects: ClassVar[Users] = Users()

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["email_key"],
                condition=~models.Q(email_key=""),
                name="user_email_unique",
                violation_error_message=_("Another user has this e-mail."),
            )
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Django's own for a user whose sessions were never ended, so that an upgrade ends none.
        contents = f"{self.password}{self.session_generation or ''}"
        salt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
        return salted_hmac(salt, contents, secret=secret, algorithm="sha256").hexdigest()


NAME_FIELDS = ("email", "first_name", "last_name")
ADDRESS_FIELDS = ("name", "line1", "line2", "city", "state", "postal_code")
MAX_MATCHES = 1000
"""A search is cut off there, to stay quick: nobody reads more."""


class CustomerQuerySet(EmailKeyQuerySet["Customer"]):
    def matching(self, text: str) -> Self:
        """Search by the beginning of an e-mail, else by the words of name, e-mail or address, or by phone."""
        return self.filter(pk__in=self.model.objects.ids_matching(text))

    def ids_matching(self, text: str) -> list[int]:
        text = clean_text(text)
        if re.fullmatch(r"\S*@\S*", normal_email(text)) and (found := list(self._email_begins(text)[:MAX_MATCHES])):
            return found
        found = list(self._with_words(text, folded=False).union(self._with_phone(text))[:MAX_MATCHES])
        if found or text.isascii():
            return found
        # Nobody has these accents: the name was typed with others, or is stored without.
        return list(self._with_words(text, folded=True)[:MAX_MATCHES])

    def with_phone(self, text: str) -> Self:
        """Any spacing, with the country's code or without."""
        digits, beginnings = Phone(Value(text)), PhoneBeginnings(Value(text))
        if not looks_like_phone(text):
            return self.none()
        stored = self.exclude(phone="").alias(digits=Phone("phone"))
        return stored.filter(models.Q(digits__startswith=digits) | models.Q(EqualsAny(F("digits"), beginnings)))

    def _email_begins(self, text: str) -> models.QuerySet["Customer", int]:
        return self.filter(email_key__startswith=email_key(text)).values_list("pk", flat=True)

    def _with_phone(self, text: str) -> models.QuerySet["Customer", int]:
        return self.with_phone(text).values_list("pk", flat=True)

    def _with_words(self, text: str, *, folded: bool) -> models.QuerySet["Customer", int]:
        names = self.filter(Matches(CustomerWords(*NAME_FIELDS), text, folded=folded)).values_list("pk", flat=True)
        addresses = Address.objects.filter(Matches(AddressWords(*ADDRESS_FIELDS), text, folded=folded))
        living_there = addresses.values_list("customer_id", flat=True)
        return names[:MAX_MATCHES].union(living_there[:MAX_MATCHES])


class Customer(WithEmailKey):
    """`user` is null for customers who never signed in.

    `tax_id` is as `customers.tax_ids` writes it, which says too what checked it; empty where nothing could.
    `erased_at` is when it was asked to be forgotten: from then on nothing is ordered or paid for it.
    `profile_by_staff` says that name or telephone number came from staff; `email_changed_at` when staff changed the
    e-mail last: what is older belongs to the account only once the new e-mail is confirmed.
    """

    user = models.OneToOneField(User, models.SET_NULL, null=True, blank=True, verbose_name=_("user"))
    email = NormalEmailField(_("e-mail"))
    email_changed_at = models.DateTimeField(_("e-mail changed"), null=True, blank=True, editable=False)
    profile_by_staff = models.BooleanField(_("profile by staff"), default=False, editable=False)
    first_name = models.CharField(_("first name"), max_length=100, blank=True)
    last_name = models.CharField(_("last name"), max_length=100, blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    tax_id = models.CharField(_("tax id"), max_length=40, blank=True, default="", db_default="")
    tax_id_checked_by = models.CharField(max_length=100, blank=True, default="", db_default="", editable=False)
    tax_id_checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    tax_exempt = models.BooleanField(_("exempt from tax"), default=False, db_default=False)
    tax_exempt_reason = models.CharField(
        _("why exempt"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("As invoices say it, for example: Resale certificate 102-345678."),
    )
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True, editable=False)
    stripe_customer_id = models.CharField(_("Stripe customer"), max_length=255, null=True, blank=True, unique=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = CustomerQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        permissions = [("erase_customer", _("Can erase customers"))]
        indexes = [
            GinIndex(CustomerWords(*NAME_FIELDS), name="customer_search"),
            models.Index(OpClass("email_key", name="text_pattern_ops"), name="customer_email_begins"),
            models.Index(
                OpClass(Phone("phone"), name="text_pattern_ops"), condition=~models.Q(phone=""), name="customer_phone"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["email_key"],
                name="customer_email_unique",
                violation_error_message=_("Another customer has this e-mail."),
            ),
            models.CheckConstraint(
                condition=models.Q(tax_exempt=False, tax_exempt_reason="")
                | models.Q(tax_exempt=True) & ~models.Q(tax_exempt_reason=""),
                name="customer_tax_exempt_reason",
                violation_error_message=_("Say why the customer is exempt from tax; leave it empty for all others."),
            ),
            models.CheckConstraint(
                condition=models.Q(tax_id_checked_by="", tax_id_checked_at=None)
                | models.Q(tax_id_checked_at__isnull=False) & ~models.Q(tax_id="") & ~models.Q(tax_id_checked_by=""),
                name="customer_tax_id_checked",
            ),
        ]

    def __str__(self) -> str:
        if self.erased_at:
            return gettext("Erased customer %(id)s") % {"id": self.pk}
        return f"{self.name} <{self.email}>" if self.name else self.email

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


OPTIONAL_ADDRESS_FIELDS: tuple[Literal["company", "department", "delivery_instructions"], ...] = (
    "company",
    "department",
    "delivery_instructions",
)


class FrozenAddress(TypedDict):
    """An address as stored with an order or invoice. What is not required is left out where it is empty."""

    name: str
    company: NotRequired[str]
    department: NotRequired[str]
    line1: str
    line2: str
    city: str
    state: str
    postal_code: str
    country: str
    delivery_instructions: NotRequired[str]


class Address(models.Model):
    """`country` is an ISO 3166-1 code of two letters."""

    class Kind(models.TextChoices):
        SHIPPING = "shipping", _("Shipping")
        BILLING = "billing", _("Billing")

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="addresses", verbose_name=_("customer"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.SHIPPING)
    name = models.CharField(_("name"), max_length=200)
    company = models.CharField(_("company"), max_length=200, blank=True, default="", db_default="")
    department = models.CharField(_("department"), max_length=200, blank=True, default="", db_default="")
    line1 = models.CharField(_("address line 1"), max_length=200)
    line2 = models.CharField(_("address line 2"), max_length=200, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    state = models.CharField(_("state or province"), max_length=100, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    country = models.CharField(_("country"), max_length=2)
    delivery_instructions = models.CharField(
        _("delivery instructions"), max_length=500, blank=True, default="", db_default=""
    )
    is_default = models.BooleanField(_("default"), default=False)
    by_customer = models.BooleanField(_("by the customer"), default=False, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        indexes = [GinIndex(AddressWords(*ADDRESS_FIELDS), name="address_search")]
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "kind"],
                condition=models.Q(is_default=True),
                name="address_one_default",
                violation_error_message=_("This customer has a default address of this kind already."),
            ),
            models.CheckConstraint(condition=models.Q(country__regex=r"^[A-Z]{2}$"), name="address_country"),
        ]

    def __str__(self) -> str:
        return ", ".join(self.lines)

    @property
    def lines(self) -> list[str]:
        """As its country writes them."""
        return address_lines(self.frozen())

    def clean(self) -> None:
        if not self.city.strip() and has_cities(self.country):
            raise ValidationError({"city": _("This field is required.")})

    @property
    def country_name(self) -> str:
        """In the language of the request."""
        return country_name(self.country)

    def frozen(self) -> FrozenAddress:
        address = FrozenAddress(
            name=self.name,
            line1=self.line1,
            line2=self.line2,
            city=self.city,
            state=self.state,
            postal_code=self.postal_code,
            country=self.country,
        )
        for name in OPTIONAL_ADDRESS_FIELDS:
            if getattr(self, name):
                address[name] = getattr(self, name)
        return address
