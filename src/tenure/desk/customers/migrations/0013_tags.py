from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0012_archivings")]

    operations = [
        migrations.AddField(
            model_name="customfield",
            name="grows",
            field=models.BooleanField(default=False, verbose_name="grows"),
        ),
    ]
