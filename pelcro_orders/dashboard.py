"""What the front page shows."""

from typing import Any

from django.http import HttpRequest


def dashboard(request: HttpRequest) -> dict[str, Any]:
    """Give the figures that a person may see."""
    return {"may_order": request.user.has_perm("ecommerce.add_order")}
