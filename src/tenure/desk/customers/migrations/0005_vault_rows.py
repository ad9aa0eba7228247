from typing import Any

from django.db import migrations

from tenure.desk.sealed import reseal


def seal(apps: Any, schema_editor: Any) -> None:
    """Seal what lies in clear, a few rows at a time; killed, the next run goes on where this one stopped."""
    models = [apps.get_model("customers", name) for name in ("Customer", "Score")]
    if not any(model.objects.filter(sealed_under="").exists() for model in models):
        return
    for model in models:
        reseal(model)
    # What was there before is still in the file until it is rewritten.
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "sqlite":
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        else:
            for model in models:
                cursor.execute(f"VACUUM (FULL, ANALYZE) {schema_editor.quote_name(model._meta.db_table)}")


class Migration(migrations.Migration):
    atomic = False  # each chunk is a transaction of its own

    dependencies = [("customers", "0004_vault")]

    operations = [migrations.RunPython(seal, migrations.RunPython.noop)]
