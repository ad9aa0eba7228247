from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0013_tags")]

    operations = [
        migrations.AddField("relation", "imported", models.BooleanField(default=False)),
        migrations.AddField("relation", "dropped_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "customfield", "searched", models.BooleanField(default=True, verbose_name="found by the search")
        ),
        migrations.CreateModel(
            name="FormLayout",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("contract", models.CharField(default="customers", max_length=60, verbose_name="object")),
                ("audience", models.CharField(blank=True, max_length=40, verbose_name="kind of customer")),
                ("sections", models.JSONField(default=list)),
                ("facts", models.JSONField(default=list)),
                ("hidden", models.JSONField(default=list)),
                ("changed_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "form layout",
                "verbose_name_plural": "form layouts",
                "ordering": ["contract", "audience"],
                "constraints": [models.UniqueConstraint(fields=("contract", "audience"), name="layout_once")],
            },
        ),
    ]
