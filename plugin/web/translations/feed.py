"""The messages of connectors.feed, as `messages` has them."""

from __future__ import annotations

from collections.abc import Mapping

STORE = (  # the store as a whole, and writing
    "the feed {name} has no product {product}",
    "`output` is the same file as `path` ({path}); the input is never changed: name another output",
    "the output {path} could not be written ({reason}); the old one is untouched. Check the disk and the rights of "
    "the folder",
    "another process has been writing {path} for {seconds} s; nothing was changed, it is tried again",
    "product {product} has as many additional images as Google Merchant Center takes ({most}); take some out of the "
    "feed, or undo older pictures, and publish again",
    "product {product}: the picture {path} cannot be copied to {folder} ({reason}); the listing was not changed. "
    "Check the disk and the rights of the folder, and publish again",
    "product {product}: {file} is no file name for the picture {key}; nothing was changed",
    "the published picture {file} is gone from {folder} and from where it came from; it is left out of the output "
    "until the file is back. Put it back, or publish it again",
    "The output {output} is there already and was not written by hebo-sync, so it is left alone. Name another output, "
    "or move that file away.",
    "the feed {name} was changed while it was being read; it is read again next time. Have it written under another "
    "name and renamed when it is complete",
    "the feed {name} is UTF-16; export it as UTF-8",
    "the feed {name} is not a text file; export it as TSV, CSV or XML in UTF-8",
    "the feed {name} does not exist at {path}; set `path` to the exported feed",
    "the feed {name} cannot be read at {path}: {reason}",
    "the feed {name} cannot be read at {path}: {reason}; it is tried again",
    "the feed {name} is a {kind} file; export it as TSV, CSV or XML, unpacked",
    "the feed {name} has no line end in its first {bytes} bytes; is it a feed?",
    "the feed {name} is empty; export the feed again",
    "the feed {name}: the first line must name the columns, and {columns} is not among them (found: {found}); export "
    "the feed with a header",
    "the feed {name}: the first line must name the columns, and {columns} is not among them; export the feed with a "
    "header",
    "the feed {name}: the header line is not UTF-8; export the feed as UTF-8",
    "the feed {name} ends before its outermost element is closed: it was cut off or is still being written. Nothing "
    "was changed; it is read again next time. If this stays, export the feed again",
    "the feed {name} is XML, but neither RSS (<rss>) nor Atom (<feed>); export the feed in the Google Merchant Center "
    "format",
    "the feed {name}: unknown encoding {encoding}; export it as UTF-8",
)
ROWS = (  # one row
    "line {line}",
    "product {product} (line {line})",
    "product {product}",
    "has no image_link; add one to the feed, since pictures are made from it",
    "its image_link cannot be used: {reason}",
    "one of its additional images is left out: {reason}",
    "{value} is not a valid address",
    "{value} is an absolute path; name the file relative to the feed, or by http(s)",
    "{value} is neither an http(s) address nor a file",
    "{value} leads out of the feed's folder by a link",
    "{value} leads out of the feed's folder",
    "has the id {product}, which line {line} has already; the first one counts",
    "{reason}, and the file ends right there: it may be cut off, or still being written. Export it again if rows lack",
    "is not valid UTF-8; export the feed as UTF-8",
    "opens a quotation mark that is not closed; close it, or double it if it is part of the text",
    "is longer than {bytes} bytes",
    "has {found} fields where the header has {expected}",
    "has an id with control characters",
    "has no id",
    "is not closed before the next one begins",
    "is not closed, or longer than {bytes} bytes",
    "is not well-formed XML ({cause})",
    "has a comment or CDATA section that is not closed",
)
CHECK = (  # what a check of the store says
    "zip (or an Excel workbook)",
    "CSV with semicolons",
    "The feed is {kind} and has {count} products.",
    "The output has {count} published pictures.",
    "{count} rows cannot be read and are left out; the first: line {line} {reason}.",
    "Not everything can be used; the first: {where}: {reason}.",
    "The output lies in another folder than the input, and {count} rows name photos by relative path: these would "
    "point nowhere; put the output into the same folder, or use addresses.",
    "Photos by path need `public_url` under [app]: the image service fetches them from there.",
    "`pictures_url` is not set: the output names published pictures by a path relative to itself. Set it to the "
    "address of the picture folder if whoever reads the output needs addresses (Google Merchant Center does).",
    "`output` is a folder ({path}); name a file.",
    "The folder of the output, {path}, is not there yet and will be made.",
    "The folder of the output, {path}, cannot be written ({folder}: {reason}); change its rights, or name another "
    "output.",
)
TEMPLATES: tuple[str, ...] = (*STORE, *ROWS, *CHECK)

ON_PAGES: Mapping[str, str] = {
    "the feed {name} does not exist at {path}; set `path` to the exported feed": (
        "the feed {name} does not exist at {path}; name the feed that was exported"
    ),
}
