"""Where a WSGI server finds the pages."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenure.settings")
application = get_wsgi_application()

from tenure.desk.governance import sealing  # noqa: E402 (the desk is there only now)

sealing.start()
