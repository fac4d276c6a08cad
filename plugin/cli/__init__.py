"""hebo-sync …: the command line. Thin: every command calls one function of the pipeline or of a service.

Exit codes: 0 all went through; 1 something failed, waits or needs a person (it says what); 2 bad usage or
configuration; 130 interrupted by Ctrl-C.
"""

import sys

INTERRUPTED = 130  # 128 + SIGINT, as shells count it


def main() -> None:
    """The console script. Ctrl-C ends it with one line, from the first import on: so nothing is imported before."""
    try:
        from plugin.cli.group import start

        start()
    except KeyboardInterrupt:
        sys.stderr.write("hebo-sync: interrupted; what was saved until now is kept\n")
        sys.stderr.flush()
        sys.exit(INTERRUPTED)
