"""Bring all catalogues up to date: `python -m plugin.web.translations`, or `make translations`."""

from __future__ import annotations

import sys

from plugin.web.translations.catalogue import codes, missing, read, update

for code in codes():
    update(code)
    texts = missing(read(code))
    sys.stdout.write(f"{code}: {len(texts)} texts without a translation\n")
    sys.stdout.writelines(f"  {text}\n" for text in texts)
