from django.contrib import admin
from django.urls import path

from tenure.web import accounts, preferences  # registers the account pages
from tenure.web.languages import set_language

__all__ = ["accounts", "urlpatterns"]

urlpatterns = [
    path("language/", set_language, name="set_language"),
    path("preferences/<str:token>/", preferences.page, name="preferences"),
    path("", admin.site.urls),
]
