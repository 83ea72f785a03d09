"""The web process never imports TensorFlow, nor highdicom before it is asked for: shown by running one."""

import json
import subprocess
import sys

SCRIPT = """
import json, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings.test"
from portal.wsgi import application
from django.urls import get_resolver
from importlib import import_module

def load(patterns):
    for entry in patterns:
        nested = getattr(entry, "url_patterns", None)
        if nested is not None:
            load(nested)

load(get_resolver().url_patterns)
from django.test import Client
answer = Client().get("/accounts/sign-in/")
late = ("tensorflow", "keras", "jax", "torch", "highdicom")
heavy = sorted(name for name in sys.modules if name.split(".")[0] in late)
print(json.dumps({"status": answer.status_code, "heavy": heavy, "views": "cases.urls" in sys.modules}))
"""


def test_web_process_with_all_its_views_loaded_has_neither_tensorflow_nor_highdicom() -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(run.stdout.splitlines()[-1])
    assert found == {"status": 200, "heavy": [], "views": True}
