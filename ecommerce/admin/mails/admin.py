"""The admin of mail templates: a page for each kind of mail, whether or not anything of it was changed."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMultiAlternatives
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _

from backoffice.base_admin import StaffAdmin
from customers.mail import outbox
from customers.mail.content import HTML
from customers.mail.writers import Content
from customers.models import Mail, MailTemplate
from ecommerce.admin.mails.forms import MailTemplateForm
from ecommerce.mails.examples import example_letter
from ecommerce.mails.texts import LISTS, PLACEHOLDERS, TEXTS, names_of
from ecommerce.mails.writers import compose
from ecommerce.models import Order


@admin.register(MailTemplate)
class MailTemplateAdmin(StaffAdmin):
    def has_module_permission(self, request: HttpRequest) -> bool:
        # Reached from the settings and the mailbox, not from the sidebar.
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: MailTemplate | None = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [path("<slug:kind>/", wrap(self.kind_view), name="customers_mailtemplate_kind"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        stored = {each.kind: each for each in MailTemplate.objects.all()}
        rows = [_row(kind, stored.get(kind)) for kind in TEXTS]
        context = {**self.admin_site.each_context(request), "title": _("Mails"), "rows": rows}
        return TemplateResponse(request, "admin/customers/mailtemplate/list.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        template = self.get_object(request, object_id)
        if template is None or template.kind not in TEXTS:
            raise Http404
        return HttpResponseRedirect(_link(template.kind))

    def kind_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        if kind not in TEXTS:
            raise Http404
        template = MailTemplate.objects.filter(kind=kind).first() or MailTemplate(kind=kind)
        may_change = self.has_change_permission(request)
        if request.method == "POST" and not may_change:
            raise PermissionDenied
        form = MailTemplateForm(request.POST or None, instance=template)
        number = request.POST.get("order", "").strip().lstrip("#")[:20]
        if request.method == "POST" and form.is_valid() and (response := self._act(request, form, number)):
            return response
        context = {
            **self.admin_site.each_context(request),
            "title": Mail.Kind(kind).label,
            "form": form,
            "may_change": may_change,
            "is_changed": any(getattr(template, name) for name in form.shipped),
            "order_number": number,
            "placeholders": [(name, PLACEHOLDERS[name], name in LISTS) for name in names_of(kind)],
            **_preview(form, number),
        }
        return TemplateResponse(request, "admin/customers/mailtemplate/form.html", context)

    def _act(self, request: HttpRequest, form: MailTemplateForm, number: str) -> HttpResponse | None:
        kind = form.instance.kind
        match request.POST.get("act"):
            case "preview":
                return None
            case "test":
                _send_test(request, form, number)
                return None
            case "reset":
                MailTemplate.objects.filter(kind=kind).update(subject="", opening="", closing="")
                self.message_user(request, _("The texts are those that the program ships."))
            case _:
                form.save()
                self.message_user(request, _("Saved. Mails that are written from now on have these texts."))
        return HttpResponseRedirect(_link(kind))


def _link(kind: str) -> str:
    return reverse("admin:customers_mailtemplate_kind", args=[kind])


def _row(kind: str, template: MailTemplate | None) -> dict[str, Any]:
    own = template and (template.subject or template.opening or template.closing)
    return {
        "label": Mail.Kind(kind).label,
        "link": _link(kind),
        "enabled": template is None or template.enabled,
        "texts": _("Your own") if own else _("As shipped"),
    }


def _preview(form: MailTemplateForm, number: str) -> dict[str, Any]:
    found = _example(form, number)
    if found is None and number:
        missing = _("Order %(number)s has no mail of this kind. Leave the number empty to see the latest one.")
        return {"missing": missing % {"number": number}}
    if found is None:
        return {"missing": _("No order has come to a mail of this kind yet: there is nothing to show.")}
    return {"preview": found[1]}


def _example(form: MailTemplateForm, number: str) -> tuple[Order, Content] | None:
    """An order and its mail with the texts of the form, which may not be saved yet."""
    kind = form.instance.kind
    found = example_letter(kind, order_number=number)
    if found is None:
        return None
    typed = form.cleaned_data if form.is_bound and form.is_valid() else {}
    texts = {name: typed.get(name, getattr(form.instance, name)) for name in form.shipped}
    order, letter = found
    return order, compose(kind, letter, MailTemplate(kind=kind, **texts))


def _send_test(request: HttpRequest, form: MailTemplateForm, number: str) -> None:
    email = getattr(request.user, "email", "")
    found = _example(form, number)
    if not email:
        messages.warning(request, _("You have no e-mail: add one on your own page first."))
    elif found is None:
        messages.warning(request, _("Nothing was sent: there is no order to show this mail of."))
    else:
        order, content = found
        message = EmailMultiAlternatives(
            _("Test: %(subject)s") % {"subject": content.subject}, content.text, None, [email]
        )
        message.attach_alternative(content.html, HTML)
        # Not about the order, whose customer gets nothing, but erased with them.
        outbox.write(message, kind=Mail.Kind.OTHER, data={"example_of": order.pk})
        messages.success(request, _("A test mail goes to %(email)s. Nothing was saved.") % {"email": email})
