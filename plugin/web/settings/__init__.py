"""The settings page: the image API, the stores, the stop switch."""

from plugin.web.settings import image_api, overview, stop, store_steps, stores
from plugin.web.settings.room import blueprint

__all__ = ["blueprint", "image_api", "overview", "stop", "store_steps", "stores"]
