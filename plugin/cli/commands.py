"""Every command of the program, in the order of its help."""

from plugin.cli.demo import demo
from plugin.cli.init import init
from plugin.cli.run import run
from plugin.cli.sandbox import sandbox

ALL = (init, demo, run, sandbox)
