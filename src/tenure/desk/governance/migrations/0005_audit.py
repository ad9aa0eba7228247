import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from tenure.desk.governance import append_only


def refuse_changes(apps, schema_editor):
    append_only.install(schema_editor.connection)


def allow_changes(apps, schema_editor):
    append_only.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0004_signin"),
    ]

    # Append-only holds from here on: see governance.append_only, which also puts the triggers back after each migration.
    operations = [
        migrations.RunPython(migrations.RunPython.noop, allow_changes),
        migrations.CreateModel(
            name="ChainLink",
            fields=[
                ("position", models.BigIntegerField(primary_key=True, serialize=False)),
                ("hash", models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("partner", models.CharField(max_length=200, verbose_name="partner")),
                ("fields", models.JSONField(default=list, verbose_name="fields")),
                ("person_ids", models.JSONField(default=list)),
                ("starts_at", models.DateTimeField(verbose_name="from")),
                ("until", models.DateTimeField(verbose_name="until")),
                ("created_at", models.DateTimeField(verbose_name="given")),
                ("revoked_at", models.DateTimeField(null=True, verbose_name="revoked")),
                ("token_hash", models.CharField(max_length=64, unique=True)),
            ],
            options={
                "verbose_name": "sharing grant",
                "verbose_name_plural": "sharing grants",
                "ordering": ["-pk"],
            },
        ),
        migrations.AddField(
            model_name="auditentry",
            name="once",
            field=models.CharField(max_length=200, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="sealed",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["at", "id"], name="audit_at"),
        ),
        migrations.AddField(
            model_name="chainlink",
            name="entry",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="link", to="governance.auditentry"
            ),
        ),
        migrations.AddField(
            model_name="grant",
            name="created_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="given by",
            ),
        ),
        migrations.AddField(
            model_name="grant",
            name="revoked_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="revoked by",
            ),
        ),
        migrations.AddConstraint(
            model_name="chainlink",
            constraint=models.CheckConstraint(condition=models.Q(("position__gte", 1)), name="chain_begins_at_one"),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(("until__gt", models.F("starts_at"))), name="grant_ends_after_start"
            ),
        ),
        migrations.RunPython(refuse_changes, migrations.RunPython.noop),
    ]
