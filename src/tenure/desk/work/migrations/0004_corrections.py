from django.db import migrations, models


def gather(apps, schema_editor):
    """Feeds and templates kept corrections of their own; what both say of a source's records comes together."""
    merged = {}
    for name in ("MappingTemplate", "Feed"):
        for source, contract, said in (
            apps.get_model("work", name).objects.order_by("pk").values_list("source", "contract", "corrections")
        ):
            kept = merged.setdefault((source, contract), {})
            for column, pairs in (said or {}).items():
                kept.setdefault(column, {}).update(pairs)
    corrections = apps.get_model("work", "Corrections")
    for (source, contract), columns in merged.items():
        # Of a chain (a → b from one place, b → c from the other) every link goes to its end; a circle is dropped.
        pairs = {
            column: {wrong: said.get(right, right) for wrong, right in said.items()} for column, said in columns.items()
        }
        pairs = {column: {a: b for a, b in said.items() if b not in said and a != b} for column, said in pairs.items()}
        pairs = {column: said for column, said in pairs.items() if said}
        if pairs:
            corrections.objects.create(source=source, contract=contract, pairs=pairs)


class Migration(migrations.Migration):
    dependencies = [
        ("work", "0003_templates_mend"),
    ]

    operations = [
        migrations.CreateModel(
            name="Corrections",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=60, verbose_name="source")),
                ("contract", models.CharField(max_length=60, verbose_name="records")),
                ("pairs", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name": "corrections",
                "verbose_name_plural": "corrections",
                "constraints": [
                    models.UniqueConstraint(fields=("source", "contract"), name="corrections_of_source"),
                ],
            },
        ),
        migrations.RunPython(gather, migrations.RunPython.noop, elidable=True),
        migrations.RemoveField(model_name="feed", name="corrections"),
        migrations.RemoveField(model_name="mappingtemplate", name="corrections"),
    ]
