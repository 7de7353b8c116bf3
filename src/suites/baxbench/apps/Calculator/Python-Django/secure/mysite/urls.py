from django.urls import path
from myapp.views import calculate

urlpatterns = [path("calculator", calculate)]
