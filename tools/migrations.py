"""Fails when a model has changed and no migration says so: python -m tools.migrations"""

import os
import sys


def main() -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tenure.settings"
    os.environ["DATABASE_URL"] = "sqlite:///:memory:"  # what the models say, whatever database is at hand
    import django
    from django.core.management import call_command

    django.setup()
    try:
        call_command("makemigrations", check=True, dry_run=True, verbosity=1)
    except SystemExit as asked:
        return int(asked.code or 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
