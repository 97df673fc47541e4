"""Where the functions are, and the environment that Lambda gives them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "py_functions"

#: What Lambda sets, with credentials that are none.
LAMBDA = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "AWS_EC2_METADATA_DISABLED": "true",
    "BUCKET": "documents",
    "TABLE": "documents",
}
