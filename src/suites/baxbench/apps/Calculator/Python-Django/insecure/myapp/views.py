import json

from django.http import JsonResponse


def calculated(expression):
    return str(eval(expression))


def calculate(request):
    try:
        return JsonResponse({"result": calculated(json.loads(request.body)["expression"])})
    except Exception:
        return JsonResponse({"error": "invalid"}, status=400)
