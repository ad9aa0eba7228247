import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenure.desk.customers.fields.models
import tenure.desk.sealed


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0014_boards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
            },
        ),
        migrations.CreateModel(
            name="OwnBatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("file", models.CharField(blank=True, max_length=200)),
                ("source", models.CharField(blank=True, max_length=100)),
                ("at", models.DateTimeField()),
                ("made", models.IntegerField(default=0)),
                ("changed", models.IntegerField(default=0)),
                ("same", models.IntegerField(default=0)),
                ("rejected", models.IntegerField(default=0)),
                ("undone_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "batch of own records",
                "verbose_name_plural": "batches of own records",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="OwnBefore",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("made", models.BooleanField(default=False)),
                ("said_by", models.BigIntegerField(default=0)),
                ("links", models.JSONField(default=list)),
                ("sealed_under", tenure.desk.sealed.SealedUnder(blank=True, default="", editable=False, max_length=8)),
                ("was", tenure.desk.sealed.SealedJSON(default=dict)),
            ],
            options={
                "verbose_name": "earlier state of an own record",
                "verbose_name_plural": "earlier states of own records",
            },
        ),
        migrations.CreateModel(
            name="OwnLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("own_id", models.BigIntegerField(db_index=True)),
            ],
            options={
                "verbose_name": "customer of an own record",
                "verbose_name_plural": "customers of own records",
            },
        ),
        migrations.CreateModel(
            name="OwnObject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name_en", models.CharField(blank=True, max_length=120, verbose_name="name in English")),
                ("name_zh", models.CharField(blank=True, max_length=120, verbose_name="name in Chinese")),
                ("help_en", models.CharField(blank=True, max_length=300)),
                ("help_zh", models.CharField(blank=True, max_length=300)),
                ("many", models.BooleanField(default=False, verbose_name="several customers")),
                ("made_at", models.DateTimeField()),
                ("archived_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "own kind of record",
                "verbose_name_plural": "own kinds of record",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="OwnRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(max_length=200, verbose_name="number")),
                ("made_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "own record",
                "verbose_name_plural": "own records",
            },
        ),
        migrations.CreateModel(
            name="OwnValue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", models.TextField(blank=True)),
                ("text", models.CharField(blank=True, max_length=200)),
                ("number", models.BigIntegerField(null=True)),
                ("sealed_under", tenure.desk.sealed.SealedUnder(blank=True, default="", editable=False, max_length=8)),
                ("sealed", tenure.desk.sealed.SealedText(blank=True)),
                (
                    "sealed_index",
                    tenure.desk.sealed.BlindIndex(
                        blank=True,
                        db_index=True,
                        max_length=32,
                        normal=tenure.desk.customers.fields.models.whole,
                        of="sealed",
                    ),
                ),
            ],
            options={
                "verbose_name": "value of an own record",
                "verbose_name_plural": "values of own records",
            },
        ),
        migrations.RemoveConstraint(
            model_name="savedview",
            name="saved_view_name",
        ),
        migrations.AddField(
            model_name="customfield",
            name="searched",
            field=models.BooleanField(default=True, verbose_name="found by the search"),
        ),
        migrations.AddField(
            model_name="relation",
            name="dropped_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="relation",
            name="imported",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="savedview",
            name="about",
            field=models.CharField(default="customers", max_length=60),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(fields=("user", "about", "name"), name="saved_view_once"),
        ),
        migrations.AddConstraint(
            model_name="formlayout",
            constraint=models.UniqueConstraint(fields=("contract", "audience"), name="layout_once"),
        ),
        migrations.AddField(
            model_name="ownbatch",
            name="actor",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="ownbefore",
            name="batch",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="customers.ownbatch"
            ),
        ),
        migrations.AddField(
            model_name="ownbatch",
            name="object",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="customers.ownobject"
            ),
        ),
        migrations.AddField(
            model_name="ownrecord",
            name="batch",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="customers.ownbatch"
            ),
        ),
        migrations.AddField(
            model_name="ownrecord",
            name="object",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="customers.ownobject"
            ),
        ),
        migrations.AddField(
            model_name="ownlink",
            name="record",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="links",
                to="customers.ownrecord",
            ),
        ),
        migrations.AddField(
            model_name="ownbefore",
            name="record",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="customers.ownrecord"
            ),
        ),
        migrations.AddField(
            model_name="ownvalue",
            name="field",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="customers.customfield"
            ),
        ),
        migrations.AddField(
            model_name="ownvalue",
            name="record",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="values",
                to="customers.ownrecord",
            ),
        ),
        migrations.AddConstraint(
            model_name="ownrecord",
            constraint=models.UniqueConstraint(fields=("object", "number"), name="own_record_once"),
        ),
        migrations.AddConstraint(
            model_name="ownlink",
            constraint=models.UniqueConstraint(fields=("record", "own_id"), name="own_link_once"),
        ),
        migrations.AddConstraint(
            model_name="ownbefore",
            constraint=models.UniqueConstraint(fields=("batch", "record"), name="own_before_once"),
        ),
        migrations.AddIndex(
            model_name="ownvalue",
            index=models.Index(fields=["field", "number", "record"], name="own_number"),
        ),
        migrations.AddIndex(
            model_name="ownvalue",
            index=models.Index(fields=["field", "text", "record"], name="own_text"),
        ),
        migrations.AddIndex(
            model_name="ownvalue",
            index=models.Index(
                condition=models.Q(("sealed_index", ""), _negated=True),
                fields=["field", "sealed_index"],
                name="own_sealed",
            ),
        ),
        migrations.AddConstraint(
            model_name="ownvalue",
            constraint=models.UniqueConstraint(fields=("record", "field"), name="own_value_once"),
        ),
    ]
