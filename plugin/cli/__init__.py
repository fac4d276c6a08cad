"""hebo-sync …: the command line. Thin: every command calls one function of the pipeline or of a service.

Exit codes: 0 all went through; 1 something failed, waits or needs a person (it says what); 2 bad usage or
configuration.
"""

from plugin.cli.main import main

__all__ = ["main"]
