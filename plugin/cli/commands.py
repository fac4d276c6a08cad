"""Every command of the program, in the order of its help."""

from plugin.cli.demo import demo
from plugin.cli.doctor import doctor
from plugin.cli.images import images
from plugin.cli.init import init
from plugin.cli.products import products
from plugin.cli.prompts import prompts
from plugin.cli.quota import quota
from plugin.cli.retry import retry
from plugin.cli.run import run
from plugin.cli.sandbox import sandbox
from plugin.cli.stores import stores
from plugin.cli.tasks import tasks
from plugin.cli.undo import undo

ALL = (init, demo, run, stores, products, tasks, images, retry, undo, quota, prompts, doctor, sandbox)
