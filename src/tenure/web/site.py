from unfold.sites import UnfoldAdminSite


class TenureSite(UnfoldAdminSite):  # type: ignore[misc]
    pass
