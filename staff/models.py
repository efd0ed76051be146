"""What a role demands, invitations that were sent, and where staff are signed in."""

from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from customers.models import User

# In this order: each browser claims to be those after it.
BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


class RoleSettings(models.Model):
    role = models.OneToOneField(Group, models.CASCADE, related_name="settings", verbose_name=_("role"))
    second_factor_required = models.BooleanField(
        _("second factor required"),
        default=False,
        help_text=_("Everyone with this role sets up an authenticator app or a passkey first."),
    )

    discount_ceiling = models.DecimalField(
        _("discount ceiling"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_(
            "The most somebody with this role may take off an order by hand, in percent of its lines' price. Empty: no "
            "ceiling; 0: no discounts."
        ),
    )

    class Meta:
        verbose_name = _("settings of a role")
        verbose_name_plural = _("settings of roles")
        constraints = [
            models.CheckConstraint(
                condition=Q(discount_ceiling=None) | Q(discount_ceiling__range=(0, 100)), name="role_discount_ceiling"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role}"


class Invitation(models.Model):
    """A link, of which only the hash of its token is kept. It ends when it is followed, sent again, or too old."""

    user = models.OneToOneField(User, models.CASCADE, related_name="invitation", verbose_name=_("user"))
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("invited by"))
    token_hash = models.CharField(_("hash of the token"), max_length=64, unique=True)
    sent_at = models.DateTimeField(_("sent"))
    expires_at = models.DateTimeField(_("expires"))
    accepted_at = models.DateTimeField(_("accepted"), null=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")

    def __str__(self) -> str:
        return str(self.user.email)


class StaffSessionQuerySet(models.QuerySet["StaffSession"]):
    def alive(self) -> "StaffSessionQuerySet":
        return self.filter(session_key__in=Session.objects.filter(expire_date__gt=Now()).values("session_key"))


class StaffSession(models.Model):
    """Where somebody signed in, beside Django's row of the session, which ends it."""

    user = models.ForeignKey(User, models.CASCADE, related_name="staff_sessions", verbose_name=_("user"))
    session_key = models.CharField(_("session key"), max_length=40, unique=True)
    address = models.GenericIPAddressField(_("address"))
    user_agent = models.CharField(_("browser"), max_length=300)
    started_at = models.DateTimeField(_("signed in"), db_default=Now())
    seen_at = models.DateTimeField(_("last seen"), db_default=Now())

    objects = StaffSessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = [F("seen_at").desc()]

    def __str__(self) -> str:
        return f"{self.device} ({self.address})"

    @property
    def device(self) -> str:
        """As its owner would call it: "Firefox, Linux"."""
        found = [next((name for mark, name in marks if mark in self.user_agent), "") for marks in (BROWSERS, SYSTEMS)]
        return ", ".join(filter(None, found)) or self.user_agent or str(_("An unknown device"))
