"""The settings page: the image API and the stores."""

from plugin.web.settings import image_api, overview, store_steps, stores
from plugin.web.settings.room import blueprint

__all__ = ["blueprint", "image_api", "overview", "store_steps", "stores"]
