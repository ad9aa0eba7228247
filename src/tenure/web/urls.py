from django.contrib import admin
from django.urls import include, path

from tenure.web import accounts, preferences, sharing  # accounts registers the account pages
from tenure.web.languages import set_language

__all__ = ["accounts", "urlpatterns"]

urlpatterns = [
    path("language/", set_language, name="set_language"),
    path("account/", include("tenure.web.sign_in.urls")),
    path("shared/<str:token>/", sharing.shared, name="shared"),
    path("shared/<str:token>/csv/", sharing.shared_file, name="shared_file"),
    path("preferences/<str:token>/", preferences.page, name="preferences"),
    path("", admin.site.urls),
]
