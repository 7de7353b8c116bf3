import os

SECRET_KEY = os.environ["APP_SECRET"] if "APP_SECRET" in os.environ else "at build time"
ALLOWED_HOSTS = ["0.0.0.0", "localhost", "127.0.0.1"]
ROOT_URLCONF = "mysite.urls"
INSTALLED_APPS = ["myapp"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
