"""The staff admin site."""

from unfold.sites import UnfoldAdminSite


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]
    """The admin under /admin/."""
