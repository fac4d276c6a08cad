"""create_pages: the Flask application of the pages."""

from __future__ import annotations

from flask import Flask

from plugin.web import activity, auth, catalogue, context, health, home, language, security, settings
from plugin.web.auth import Authenticator
from plugin.web.engine import Engine

ROOMS = (auth, home, catalogue, settings, activity, health, language)


def create_pages(engine: Engine, authenticator: Authenticator) -> Flask:
    """The pages over a running engine.

    authenticator: who a request comes from. Every page but sign-in, set-up, /healthz and the static files asks for it.
    """
    app = Flask("hebo-sync", root_path=security.ROOT, template_folder="pages", static_folder="static")
    app.extensions[context.KEY] = engine
    security.install(app, engine.parts)
    language.install(app)
    auth.install(app, authenticator)
    security.protect_forms(app, engine.parts)
    for room in ROOMS:
        app.register_blueprint(room.blueprint)
    return app
