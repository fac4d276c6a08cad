"""The messages that come from elsewhere and may be read on a page: as they are raised, `{name}` where words go in.

A message of the program is an English sentence that is stored or raised as it is. `plugin.web.phrases` finds the
template that it was made from, and so the same sentence in the reader's language. A test holds that each of these
occurs in the sources.
"""

from __future__ import annotations

from collections.abc import Mapping

from plugin.states import ImageState, ProductState, PublicationState, TaskState
from plugin.web.translations import feed, money, shopify, woocommerce

KINDS_OF_STATE = (TaskState, ImageState, ProductState, PublicationState)
NETWORK = (  # connectors.http
    "{request}: the answer is larger than {bytes} bytes",
    "{request}: the answer was cut off or cannot be read",
    "{request}: only http:// and https:// addresses can be called",
    "{request}: not sent, no time was left for it",
    "{request}: no connection, nothing was sent: {reason}",
    "{request}: no complete answer within {seconds} s",
    "{request}: a header has a character that HTTP cannot carry",
    "{request}: this is not an http:// or https:// address",
    "{request}: refused, {reason}",
    "{host} is at the private address {address}",
    "the host name {host} is not known",
    "the connection failed ({reason})",
    "TLS: the certificate is not accepted ({reason})",
    "TLS: {reason}",
    "the handshake failed",
    "it took too long",
)
STATE = (  # connectors.state: a connector's own notes
    "another process has been making the store's state {path} for {seconds} s; it is tried again",
    "the store's state folder {path} cannot be made: {reason}",
    "the store's state {path} cannot be used now: {cause}; it is tried again",
    "the store's state {path} is damaged ({cause}); put back a copy of it from a backup, since it holds what is known "
    "nowhere else: what is published, and which writes may still be under way",
    "the store's state {path} was written by another version of hebo-sync (layout {layout}, this one knows {known}); "
    "install that version again",
)
SHARED = (  # what stores of several kinds say
    "this is {reason}",
    "the list of products",
    "its products",
    "{home} cannot be reached: {reason}",
    "{home} asks for fewer requests; it is asked again later",
    "product {product} of {home} cannot be read: {reason}",
    "{title} (product {product})",
    "its product is left out: {reason}",
    "it has no image; add one in the store, since pictures are made from it",
    "the stored picture {file} cannot be read: {reason}",
    "product {product}: {reason}. Pictures may be on the listing already; it is looked at again until it can be told",
    "product {product}: {reason}. The pictures are not there so far; it is looked at again",
    "product {product}: {reason}. Its pictures are not taken off so far; it is tried again",
    "a product shows it",
    "it is another picture by now",
)
SYSTEM = (  # the operating system's own words
    "Permission denied",
    "No such file or directory",
    "No space left on device",
    "Is a directory",
    "Not a directory",
    "File exists",
    "File name too long",
    "Read-only file system",
    "Input/output error",
    "Connection refused",
    "Connection reset by peer",
    "Network is unreachable",
    "No route to host",
)
OPENSSL = (  # what it says of a certificate
    "self-signed certificate",
    "self-signed certificate in certificate chain",
    "certificate has expired",
    "certificate is not yet valid",
    "unable to get local issuer certificate",
    "unable to verify the first certificate",
    "Hostname mismatch, certificate is not valid for '{host}'.",
    "IP address mismatch, certificate is not valid for '{address}'.",
)
IMAGE_SERVICE = (  # plugin.hebo
    "the image service answered {status}: {detail}",
    "the image service answered HTTP {status}",
    "the image service's quota answer has no quota in it",
    "the image service's answer cannot be read (not a JSON object)",
    "the image service's answer cannot be read (too deep)",
    "the image service took it without a usable {field}",
    "the image service cannot be reached: {reason}",
    "no answer from the image service: {reason}",
    "status {status} without results or failed items",
    "unknown status {status}",
    "no status",
)
PICTURES = (  # plugin.pictures, plugin.links
    "The picture did not come: {reason}",
    "{url}: redirected more than {times} times",
    "{url}: the host answered {status} instead of a picture",
    "{path}: the file has more than {bytes} bytes",
    "{url}: the picture does not exist ({status})",
    "{url}: the host does not give out the picture ({status})",
    "{url}: 0 bytes came instead of a picture",
    "{url}: a web page or other text came instead of a picture",
    "{url}: a redirect that leads nowhere",
    "{path}: there is no such file",
    "{path}: the file may not be read; check its permissions",
    "{path}: the file cannot be read ({reason})",
    "{path}: this is not a file",
    "{url}: this is not an address of a picture (http or https)",
    "{url}: this address is in a private network and was not called; if that is meant, set "
    "app.allow_private_addresses = true",
    "{url}: the picture has more than {bytes} bytes",
    "{url}: redirects to an address that cannot be read",
    "The picture has more than {count} million pixels",
    "The picture is only {width} × {height} pixels; a product cannot be recognised under {least} pixels.",
    "The picture is nearly one colour all over and shows no product.",
    "This is not a JPEG, PNG, WebP or GIF picture",
    "The picture is damaged or cut short ({cause})",
    "The picture's structure is damaged; it could not be marked as made by AI",
    "This is not a picture that can be marked as made by AI",
    "This WebP picture is damaged",
    "The stored picture {path} is damaged: its bytes are not what was stored",
    "The stored picture {path} cannot be read: {reason}",
    "The picture could not be stored in {folder}: {reason}. Nothing half-written was left; make room or mend the "
    "folder, the work goes on by itself",
    "The picture folder {folder} cannot be used: {reason}",
    "A thumbnail could not be made: {reason}",
    "Nobody outside can fetch this picture: app.public_url is not set. Set it to the address under which the image "
    "service and the stores reach this program (https://…), then try again.",
)
WALK = (  # plugin.pipeline: refresh, plan, submit, poll, collect, publish
    "it is no longer in the store",
    "its picture has changed",
    "all its pictures were made by hebo-sync; give it a photo to generate from",
    "it has no picture; add one in the store",
    "it has no picture any more",
    "it has no picture",
    "the product is gone",
    "the product is excluded",
    "the store was removed",
    "its picture is a placeholder",
    "many unrelated products share this picture: it is a placeholder. Give the product its own photo",
    "its picture cannot be used: {reason}",
    "its picture {url} cannot be used: {reason}",
    "store {store_id} is not ours to read any more",
    "too little of the quota remains",
    "today's image quota leaves too little for what is next ({room} of {limit} images remain)",
    "the daily budget of {budget} images (hebo.daily_budget) is used up",
    "it was accepted twice, as {first} and {second}; only the first is followed",
    "the program was too busy to send it in time",
    "the program ended before the answer came",
    "the image service refuses the API key (HTTP {status}); check hebo.api_key. Nothing is lost",
    "the image service takes no tasks although key and quota are good: {reason}. Ask its provider why",
    "the image service gave no reason",
    "the image service counts it as made but gave no address for it",
    "the image service's answer does not mention it",
    "the image service does not deliver it: {reason}",
    "the stored picture cannot be used: {reason}",
    "the mark of AI-made media (IPTC digital source type) could not be written into it",
    "the store's address was changed while this was under way, so it is not known whether the old listing got the "
    "pictures: look there. Offer them again to have them on the listing at the new address",
    "the store's address was changed since these pictures were published, and the listing at the new address does not "
    "show them, so nothing was changed: take them off at the old address",
    "the store's settings were changed meanwhile; nothing was written",
    "its main picture was made by hebo-sync, though its file name does not say so any more (does a plugin rename "
    "files?); nothing is made from it. Give the product a photo as its main picture",
    "{reason}; the new pictures of this store wait until one can be fetched",
    "{missing} of the {known} products were missing when everything was read, so the store may be broken; they are "
    "kept. It is read again in an hour, and believed then. To have it believed at once, read "
    "everything anew by hand",
    "the program was stopped while it waited for the store; it goes on at the next start",
    "the database could not be used: {reason}",
)
DOUBT = (  # plugin.pipeline.submitting.doubt, plugin.money
    "it was accepted and billed, but its id was lost with the answer, so its pictures cannot be fetched",
    "the prompts had been accepted; their pictures are billed and lost",
    "the prompts had not been accepted; they are sent again",
    "a person must say whether the prompts were accepted (hebo-sync tasks settle)",
    "task {task} is {state}, not in doubt; nothing was changed",
    "a person said so",
    "the quota was not known before sending",
    "the service counts no quota for this key",
    "the quota could not be read yet",
    "used fell from {before} to {lowest}: the day has turned",
    "used rose by {rise} while the service counted {returned} of other tasks back: exactly the prompts",
    "used rose by {rise}, and nothing but these prompts can have raised it",
    "used rose by exactly {rise}",
    "used changed by {rise}, which does not tell whether {images} prompts were accepted",
    "the service may still take it up",
    "used did not rise, but the key is not set as exclusive (hebo.exclusive) to this app",
    "{tasks} other tasks are unfinished",
    "used rose and fell again",
    "used did not rise, but the day may have turned unseen meanwhile",
    "two equal readings are needed",
    "used stayed at {used}",
)
DECISIONS = (  # what a person asked for and cannot be done: review, retry, undo, include
    "there is no picture {picture}; nothing was changed",
    "picture {picture} is {state}: it cannot become {new_state} now; take the decision back first; nothing was changed",
    "picture {picture} is {state}: it cannot become {new_state} now; nothing was changed",
    "task {task} is {state}: only a finished one can be tried again",
    "task {task} has no failed pictures that the image service allows to try again",
    "task {task} has changed meanwhile; nothing was planned. Look at it and ask again",
    "its picture has not been looked at yet",
    "the same was just planned by somebody else",
    "publication {publication} is {state}, not refused: nothing to retry",
    "publication {publication} has no approved pictures any more: nothing to retry",
    "publication {publication} is {state}: only a published one can be undone",
    "publication {publication} is in store {store}, which is paused or no longer configured; nothing was changed",
    "it is no longer in the store, so there is nothing to exclude",
    "it is {state}, not excluded",
)
SETTINGS = (  # plugin.pipeline.stores, plugin.config, plugin.secrets
    "there is no store {name}; set up: {names}",
    "another store is called {name}; nothing was stored",
    "a removed store of another kind was called {name}",
    "store {name} was removed; nothing was stored",
    "store {name} is set in the configuration file; change it there",
    "the configuration file pauses store {name}; change it there",
    "store {name} is paused: nothing was read. Resume it first",
    "store {name} is being read",
    "no store is set up: add a [[stores]] table to the configuration file",
    "store {name} is no longer in the configuration; add it again to go on with it",
    "a file of store {name} cannot be used ({reason}): {file}",
    "store {name}: {reason}. Enter its settings again on the settings page",
    "a stored secret cannot be decrypted: {source} is not what it was encrypted with. Put the old key back (behind a "
    "newer one, with a space between), or enter the secret again",
    "the key file {path}",
    "the setting app.secret_key",
    "must be an address like https://shop.example.com",
    "must be a plain address: no user name, no '?' and no '#' in it",
    "must be one word of plain ASCII characters; copy the key again",
    "is not a known time zone; {hint}",
    "use a name like 'Asia/Shanghai' or 'UTC'",
    "did you mean {word}?",
    "known are: {words}",
    "known are {words}",
    "{where} has no setting {key}; {hint}",
    "there is no kind of store {kind}; {hint}",
    "is required",
    "must be an http:// or https:// address without query, such as https://shop.example/pics/",
    "`output` is the same file as `path`; the input is never changed: name another output",
)
PYDANTIC = (  # its messages, as plugin.config.tables says them ("must" for "Input should")
    "Field required",
    "must be greater than or equal to {least}",
    "must be greater than {least}",
    "must be less than or equal to {most}",
    "must be less than {most}",
    "must be a finite number",
    "must be a valid integer, unable to parse string as an integer",
    "must be a valid integer, got a number with a fractional part",
    "must be a valid integer",
    "must be a valid number, unable to parse string as a number",
    "must be a valid number",
    "must be a valid boolean, unable to interpret input",
    "must be a valid boolean",
    "must be a valid string",
    "must be {expected}",
    "String should have at least {count} character",
    "String should have at least {count} characters",
    "String should match pattern '{pattern}'",
    "Input is not a valid path for {kind}",
)
PACKS = (  # templates
    "prompt pack {pack}, shot {shot}: {reason}",
    "prompt pack {pack}: {reason}",
    "there is no prompt pack {name}; {hint}",
    "prompt pack {name} is not in language {language}; it is in {languages}",
    "the product has no title; give it one in the store",
    "the {part} came out empty",
    "the {part} fails: {cause}",
    "the {part} is not a valid template: {cause}",
    "the pack folder {path} cannot be read: {reason}",
    "pack file {path} cannot be read: {reason}",
    "pack file {path}: name it with lower-case letters, digits and hyphens, as in my-pack.toml",
    "pack file {path}: {reason}",
    "shot {shot}: {reason}",
    "unknown key {key}; {hint}",
    "the key {key} is missing",
    "it has more than {most} shots; the image API takes at most {limit} in one task",
    "it has no shots",
    "shot {shot} is there twice; each shot needs a name of its own",
    "{where} is in the languages {languages}, but the pack's title is in {wanted}",
)
SEVERAL = ("{name} and {count} more",)  # plugin.pipeline.exclude
# The states' own words, inside the messages above.
STATES = tuple(dict.fromkeys(str(state) for kind in KINDS_OF_STATE for state in kind))
TEMPLATES: tuple[str, ...] = (
    *NETWORK,
    *STATE,
    *SHARED,
    *SYSTEM,
    *OPENSSL,
    *IMAGE_SERVICE,
    *PICTURES,
    *WALK,
    *DOUBT,
    *DECISIONS,
    *SETTINGS,
    *PYDANTIC,
    *PACKS,
    *feed.TEMPLATES,
    *money.TEMPLATES,
    *woocommerce.TEMPLATES,
    *shopify.TEMPLATES,
    *SEVERAL,
    *STATES,
)

# What a page says instead: no commands and no settings' names where it has a button or a field for that.
ON_PAGES: Mapping[str, str] = {
    **feed.ON_PAGES,
    **money.ON_PAGES,
    **shopify.ON_PAGES,
    **woocommerce.ON_PAGES,
    "a person must say whether the prompts were accepted (hebo-sync tasks settle)": (
        "a person must say whether the prompts were accepted"
    ),
    "the image service refuses the API key (HTTP {status}); check hebo.api_key. Nothing is lost": (
        "the image service refuses the API key (HTTP {status}); check the key on the settings page. Nothing is lost"
    ),
    "the daily budget of {budget} images (hebo.daily_budget) is used up": (
        "the daily budget of {budget} images is used up"
    ),
    "used did not rise, but the key is not set as exclusive (hebo.exclusive) to this app": (
        "the used quota did not rise, but the key is not marked as exclusive to this app on the settings page"
    ),
    "used fell from {before} to {lowest}: the day has turned": (
        "the used quota fell from {before} to {lowest}: the day has turned"
    ),
    "used rose by {rise} while the service counted {returned} of other tasks back: exactly the prompts": (
        "the used quota rose by {rise} while the service counted {returned} of other tasks back: exactly the prompts"
    ),
    "used rose by {rise}, and nothing but these prompts can have raised it": (
        "the used quota rose by {rise}, and nothing but these prompts can have raised it"
    ),
    "used rose by exactly {rise}": "the used quota rose by exactly {rise}",
    "used changed by {rise}, which does not tell whether {images} prompts were accepted": (
        "the used quota changed by {rise}, which does not tell whether {images} prompts were accepted"
    ),
    "used rose and fell again": "the used quota rose and fell again",
    "used did not rise, but the day may have turned unseen meanwhile": (
        "the used quota did not rise, but the day may have turned unseen meanwhile"
    ),
    "used stayed at {used}": "the used quota stayed at {used}",
    "no store is set up: add a [[stores]] table to the configuration file": (
        "no store is set up: add one on the settings page"
    ),
    "must be {expected}": "must be one of: {expected}",
    "String should have at least {count} character": "is required",
    "String should have at least {count} characters": "must have at least {count} characters",
    "String should match pattern '{pattern}'": "is not written as it must be; see the help line of the field",
    "Input is not a valid path for {kind}": "is not a valid path",
    "Field required": "is required",
    "in_doubt": "in doubt",
    "in_review": "in review",
    "no_image": "without a picture",
    "bad_image": "with a picture that cannot be used",
    "placeholder": "with a placeholder as its picture",
    "ours": "only with pictures made by hebo-sync",
}
