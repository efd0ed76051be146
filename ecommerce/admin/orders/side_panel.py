"""The side of the order page: tags, assignee and notes, each saved by a form of its own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget

from backoffice import database_clock
from backoffice.file_storage import StorageUnavailable, open_file
from backoffice.list_filters import with_list_filters
from backoffice.uploads import format_size
from customers.actors import actor
from ecommerce import notes
from ecommerce.admin.display import format_time
from ecommerce.admin.orders.note_form import NoteForm
from ecommerce.admin.orders.side_forms import AssigneeField, TagsField, suggested_tags
from ecommerce.models import NoteAttachment, Order, OrderNote, OrderTag
from ecommerce.orders.assign import assign
from ecommerce.orders.errors import OrderError
from ecommerce.orders.tags import tag

ORGANIZE = "ecommerce.organize_order"
SHOWN_NOTES = 100
TONES = {"grey": "plain", "red": "bad", "orange": "warn", "green": "good", "blue": "info", "purple": "done"}


@dataclass(frozen=True, slots=True)
class TagLabel:
    name: str
    tone: str
    link: str  # to the orders that have it


@dataclass(frozen=True, slots=True)
class NoteView:
    pk: int
    text: str
    who: str
    when: str
    files: list[tuple[str, str, str]]  # name, size, link


class TagForm(forms.Form):
    add = TagsField(label=_("Add a tag"))


class AssigneeForm(forms.Form):
    assignee = AssigneeField(widget=UnfoldAdminSelectWidget())


_FILES = ArraySubquery(
    NoteAttachment.objects.filter(note=OuterRef("pk"))
    .order_by("pk")
    .values(json=JSONObject(id="pk", name="name", size="size"))
)
NOTES = ArraySubquery(
    OrderNote.objects.filter(order=OuterRef("pk"))
    .order_by("-pk")
    .values(json=JSONObject(id="pk", text="text", by="by_label", at="at", files=_FILES))[:SHOWN_NOTES]
)
# Looked up for the rows of a page alone, by index, in the statement that reads them.
TAGS = ArraySubquery(
    OrderTag.objects.filter(order=OuterRef("pk"))
    .order_by("tag__name")
    .values(json=JSONObject(id="tag_id", name="tag__name", colour="tag__colour"))
)


def tag_labels(rows: Iterable[Mapping[str, Any]]) -> list[TagLabel]:
    """Return the tags of an order that was read with TAGS."""
    return [TagLabel(each["name"], TONES[each["colour"]], f"?tag={each['id']}") for each in rows]


def side_context(request: HttpRequest, order: Any) -> dict[str, Any]:
    may_organize = request.user.has_perm(ORGANIZE)
    context: dict[str, Any] = {
        "tags": tag_labels(order.tag_rows),
        "assignee": order.assignee,
        "notes": [_note(order.pk, each) for each in order.note_rows],
        "may_organize": may_organize,
    }
    if may_organize:
        people = list(notes.colleagues())
        assignee_form = AssigneeForm(initial={"assignee": order.assignee_id}, auto_id="id_side_%s")
        assignee_form.fields["assignee"].choices = [("", _("Nobody")), *((user.pk, str(user)) for user in people)]  # type: ignore[attr-defined]
        context |= {
            "known_tags": suggested_tags(),
            "tag_form": TagForm(auto_id="id_tag_%s"),
            "assignee_form": assignee_form,
            "note_form": NoteForm(auto_id="id_note_%s"),
            "colleagues": [{"name": user.username, "label": user.get_full_name()} for user in people if user.may_see],
        }
    return context


def _note(order_id: int, note: Mapping[str, Any]) -> NoteView:
    address = "admin:ecommerce_order_attachment"
    files = [
        (
            each["name"],
            format_size(each["size"]),
            reverse(address, args=[order_id, each["id"]]),
        )
        for each in note["files"]
    ]
    return NoteView(note["id"], note["text"], note["by"], format_time(datetime.fromisoformat(note["at"])), files)


class SidePanel:
    """The addresses of the forms, wrapped by the admin site."""

    def __init__(self, admin: Any) -> None:
        self.admin = admin

    def urls(self) -> list[URLPattern]:
        wrap = self.admin.admin_site.admin_view
        return [
            path("<int:order_id>/tags/", wrap(require_POST(self.tags_view)), name="ecommerce_order_tags"),
            path("<int:order_id>/assign/", wrap(require_POST(self.assign_view)), name="ecommerce_order_assign"),
            path("<int:order_id>/note/", wrap(self.note_view), name="ecommerce_order_note"),
            path(
                "<int:order_id>/attachment/<int:attachment_id>/",
                wrap(self.attachment_view),
                name="ecommerce_order_attachment",
            ),
            path("mention/<int:mention_id>/", wrap(self.mention_view), name="ecommerce_order_mention"),
        ]

    def _order(self, request: HttpRequest, order_id: int, permission: str = ORGANIZE) -> Order:
        if not (self.admin.has_view_permission(request) and request.user.has_perm(permission)):
            raise PermissionDenied
        return get_object_or_404(Order, pk=order_id)

    def tags_view(self, request: HttpRequest, order_id: int) -> HttpResponse:
        order = self._order(request, order_id)
        form = TagForm(request.POST)
        remove = [request.POST["remove"]] if request.POST.get("remove") else []
        if not form.is_valid():
            return _back(request, order, str(form.errors["add"][0]))
        return _run(request, order, tag, add=[] if remove else form.cleaned_data["add"], remove=remove)

    def assign_view(self, request: HttpRequest, order_id: int) -> HttpResponse:
        order = self._order(request, order_id)
        form = AssigneeForm(request.POST)
        if not form.is_valid():
            return _back(request, order, str(form.errors["assignee"][0]))
        assignee = form.cleaned_data["assignee"]
        return _run(request, order, assign, assignee_id=assignee.pk if assignee else None)

    def note_view(self, request: HttpRequest, order_id: int) -> HttpResponse:
        order = self._order(request, order_id)
        if request.method != "POST":
            return _back(request, order, "")
        form = NoteForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._show_again(request, order, form)
        text = form.cleaned_data["text"]
        try:
            notes.add_note(
                order_id=order.pk, text=text, files=form.files_given, by=actor(request), at=database_clock.now()
            )
        except (OrderError, StorageUnavailable) as error:
            form.add_error(None, str(error))
            return self._show_again(request, order, form)
        if unknown := notes.unknown_mentions(text):
            sentence = _("The note is kept. Nobody who may see orders is called %(names)s.")
            messages.warning(request, sentence % {"names": ", ".join(unknown)})
        return _back(request, order, "")

    def _show_again(self, request: HttpRequest, order: Order, form: NoteForm) -> HttpResponse:
        page: HttpResponse = self.admin.order_page(request, order.pk, {"note_form": form})
        page.status_code = 422
        return page

    def attachment_view(self, request: HttpRequest, order_id: int, attachment_id: int) -> HttpResponseBase:
        order = self._order(request, order_id, "ecommerce.view_order")
        attachment = get_object_or_404(NoteAttachment, pk=attachment_id, note__order=order)
        try:
            file = open_file(attachment.file)
        except StorageUnavailable as error:
            return _back(request, order, str(error))
        if file is None:
            return _back(request, order, _("The file is not there any more."))
        # As bytes to be saved, whatever it says it is: nothing of it runs in the admin.
        return FileResponse(
            file,
            as_attachment=True,
            filename=attachment.name,
            content_type="application/octet-stream",
            headers={"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"},
        )

    def mention_view(self, request: HttpRequest, mention_id: int) -> HttpResponse:
        user: Any = request.user
        mention = notes.open_mention(mention_id=mention_id, user=user, at=database_clock.now())
        if mention is None:
            raise Http404
        url = reverse("admin:ecommerce_order_change", args=[mention.note.order_id])
        return redirect(f"{url}#note-{mention.note_id}")


def _run(request: HttpRequest, order: Order, act: Any, **arguments: Any) -> HttpResponse:
    try:
        act(order_id=order.pk, by=actor(request), at=database_clock.now(), **arguments)
    except OrderError as error:
        return _back(request, order, error.message)
    return _back(request, order, "")


def _back(request: HttpRequest, order: Order, problem: str) -> HttpResponse:
    if problem:
        messages.error(request, problem)
    return redirect(with_list_filters(request, reverse("admin:ecommerce_order_change", args=[order.pk])))
