"""The staff admin site."""

from unfold.sites import UnfoldAdminSite


class StaffSite(UnfoldAdminSite):
    """The admin under /admin/."""
