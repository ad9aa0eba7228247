"""Every address the desk answers: the pages, and the API for programs."""

from django.urls import include, path

from tenure.api.v1 import api

urlpatterns = [
    path("api/v1/", api.urls),
    path("", include("tenure.web.urls")),
]
