from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0002_filters_read_the_index")]

    operations = [
        migrations.AddField(
            model_name="publication",
            name="lake_version",
            field=models.BigIntegerField(null=True),
        ),
    ]
