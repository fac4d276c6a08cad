"""The messages of connectors.shopify, as `messages` has them.

Shopify's own words, which follow "Shopify says:", stay as Shopify gives them.
"""

from __future__ import annotations

from collections.abc import Mapping

OPTIONS = (  # options: the settings
    "this is not the address of a Shopify shop; {hint}",
    "write the one that ends in .myshopify.com, as Shopify shows it under Settings → Domains",
    "a client secret; put it into `client_secret`",
    "a refresh token; put it into `refresh_token`",
    "an access token; put it into `access_token`",
    "a token of one signed-in person, which ends with the session; it cannot be used here",
    "a token for Shopify's command line; it does not open the Admin API",
    "this is not a web address",
    "must begin with https:// (or http:// for this machine)",
    "must be an address only, without a user name, a ? or a #",
    "must begin with https://: over http anybody on the way could read the access token",
    "must be a version of Shopify's API, such as 2026-10 (months 01, 04, 07 or 10)",
    "must have only letters and digits; copy the Client ID again as a whole",
    "must have no spaces and only plain letters, digits and signs; copy it again as a whole",
    "an app needs its Client ID and its client secret: {kind} is missing",
    "`client_id`",
    "`client_secret`",
    "`client_id` and `client_secret` are the same; the secret stands beside the Client ID",
    "a refresh token needs the `client_id` and `client_secret` of the app that it came from",
    "there is no way in: give `client_id` and `client_secret`, or an `access_token`",
    "give either `client_id` and `client_secret`, or an `access_token`; both only with a `refresh_token`",
)
THINGS = (  # what a request was about
    "the request about {where}",
    "the request",
    "the change {state}",
    "of {where}",
    "the change",
    "the list of variants",
    "the list of files",
    "the variants of {where}",
    "the media of {where}",
    "the variants",
    "some products",
    "its files",
    "an access token",
    "a bulk operation",
    "bulk operations",
    "the result of a bulk operation",
    "the upload of {file}",
)
HELP = (  # what to do, in several messages
    "give the app the scopes write_products and write_files (dev.shopify.com → Apps → your app → Versions → new "
    "version → Access scopes → Release; for an app that was made in the shop: Settings → Apps → Develop apps → your "
    "app → Configuration), then install it again in the shop or accept its update there",
    "check the token or the app's Client ID and secret in the store's settings, and that the app is still installed "
    "in the shop (Shopify: Settings → Apps)",
    "Client ID and client secret (dev.shopify.com → Apps → your app → Settings → Credentials)",
    "install the app again in the shop, and put the new tokens into the store's settings",
    "{reason}. Shopify says: {detail}",
    "{detail} … and {count} more",
)
ANSWERS = (  # replies, client, transfer, governor: no answer, or none that can be used
    "{shop}: the answer to {where} is too large",
    "{shop}: its address is a private one, and such addresses are not called. For a test shop in your own network set "
    "`allow_private_addresses = true` under [app] in the configuration file",
    "{shop}: no complete answer to {where} came; Shopify may be slow or overloaded",
    "{shop}: {where} cannot be sent: its address is not usable",
    "{shop} cannot be reached safely ({reason}): something between this machine and Shopify opens the connection, or "
    "this machine's clock or certificates are out of date",
    "{shop} did not answer {where} with data: something between this machine and Shopify may be changing the answers, "
    "or Shopify has a failure; it is asked again later",
    "{shop}: Shopify failed on {where} (status {status})",
    "{shop}: Shopify's storage did not take {where} (status {status})",
    "{shop}: Shopify's storage did not give {where} (status {status})",
    "{shop}: {where} came with {found} bytes instead of {wanted}; it is fetched again",
    "{shop}: {where} could not be fetched wholly; it is fetched again",
    "{shop}: a request needs {cost} points, and Shopify gives this shop no more than {most} at once: it has to ask for "
    "less",
)
REFUSALS = (  # replies: the shop does not do what it was asked to
    "{shop} leads requests on to another address: put the shop's own one into the settings",
    "{shop} does not accept the access token: {hint}",
    "{shop} is frozen by Shopify: its owner has to settle the bill in Shopify (Settings → Billing)",
    "{shop} forbids {where}: {hint}; or Shopify has closed the shop to apps",
    "{shop} is not known to Shopify, or not this version of the API ({version}): check the shop's address that ends "
    "in .myshopify.com, and the API version, in the store's settings",
    "{shop} is locked by Shopify for now (too many requests, or a question of security); it is tried again. If it "
    "stays so, its owner has to ask Shopify's support",
    "{shop} refused {where} (status {status})",
    "{shop} refused {where}: {detail}",
    "{shop} refused {where}: it asks for more at once than Shopify allows",
    "{shop} does not let the app do this: {hint}",
    "{shop} does not let the app do this {state}: {hint}",
    "with {where} (it lacks {kind})",
    "with {where}",
    "(it lacks {kind})",
    "{shop} is not active: its owner has to open it again in Shopify",
    "{shop} did not carry out {where} ({code}). Shopify says: {detail}",
    "{shop} did not carry out {where} ({code})",
    "{shop} did not carry out {where}. Shopify says: {detail}",
    "{shop} did not carry out {where}",
)
TOKENS = (  # access, tokens: the way in
    "{shop}: its refresh token can be used only where the next one can be kept; set `secret_key` under [app] in the "
    "configuration file",
    "{shop} answered without an access token; it is asked again later",
    "{shop} does not know the app: check {hint}",
    "{shop} does not accept the app's credentials: check {hint}",
    "{shop} says that the app is not installed there: install it (dev.shopify.com → Apps → your app → Install app), "
    "then try again",
    "{shop} belongs to another organization than the app, and there the app's credentials alone are not enough: make "
    "the app in the shop's own organization (dev.shopify.com), or install it there by its own pages",
    "{shop} does not accept the refresh token (any more): {hint}",
)
CHECK = (  # check: what a check of the connection says
    "The app lacks {kind}: {hint}",
    "write_products and {scope}",
    "Which scopes the app has could not be read; a missing one shows at the first picture.",
    "Only the first picture proves that the shop takes it.",
    "The shop's own address is {url}, not {shop}: put that one into the settings",
    "Shopify answered with version {version} of its API instead of {wanted}. Bring hebo-sync up to date; until then "
    "check pictures in the shop after the first products.",
    "This is a development shop: customers see a page that asks for a password instead of its products.",
)
CATALOGUE = (  # catalogue, paging, product, variants: reading
    "product {product}: a Shopify product has a number",
    "product {product} is not in {shop} any more",
    "variant {variant} of product {product} is not in {shop} any more, or has no photo of its own",
    "the variants of {shop} cannot be read: {reason}; it is tried again",
    "{where} of {shop} cannot be read: Shopify answered without it; it is tried again",
    "{where} of {shop} cannot be read to its end: Shopify did not say where it goes on",
    "{where} of {shop} cannot be read to its end: Shopify gives the same products again and again; what was read is "
    "kept, and it is tried again",
    "a variant of {where}",
    "{title} (variant {variant} of product {product})",
    "Shopify is still processing its first image; it is looked at again with the next refresh",
    "Shopify gave an entry without a number",
    "Shopify gave no list of its media",
    "Shopify gave a list of its media that cannot be read",
    "Shopify gave no list of a variant's media",
    "the catalogue of {shop} was fetched, and could not be read from the disk ({cause}); it is tried again",
)
BULK = (  # bulk, bulk_reading, bulk_rows: the rest of a sentence about a bulk operation
    "could not be begun: {detail}",
    "was not answered",
    "was answered without its number",
    "is not ready after {minutes} minutes",
    "did not move on for {minutes} minutes",
    "is not known to the shop any more",
    "ended as {status} ({code})",
    "ended as {status}",
    "has no place for its result ({cause})",
    "has a result that cannot be used ({shop}: Shopify's storage did not give {where} (status {status}))",
    "has a result that cannot be used ({reason})",
    "has a result that cannot be stored ({cause})",
    "has {found} {kind} instead of {wanted}",
    "bytes",
    "lines",
    "products",
    "has an entry twice",
    "has lines that belong to no product in it",
    "cannot be read in line {line}",
)
ATTACH = (  # attachment, variant_attachment, uploads, limits, files: putting pictures on a listing
    "product {product}: somebody else keeps changing its pictures at the same time, or Shopify is still at work on "
    "them, and ours could not be put in place {tries} times; it is tried again",
    "the product has {most} pictures, videos and 3D models already, the most that Shopify allows",
    "somebody or something deletes the file in the shop whenever it is there",
    "variant {variant} of product {product} has no picture of its own (any more), so nothing was written; give it one "
    "in the store, or publish to the product instead",
    "product {product}: Shopify did not say where to upload the pictures; it is tried again",
    "product {product}: Shopify did not say which files it made; it is looked at again",
    "product {product}: Shopify has lost an upload ({detail}); it is uploaded again",
    "product {product}: Shopify has {file} already, but its search does not show the file so far; nothing is uploaded "
    "twice, and it is looked for again",
    "product {product}: {reason}; it is tried again",
    "product {product}: {detail}; make room in the shop's files",
    "product {product}: Shopify is still processing {waiting} of {count} pictures; they are uploaded, and it goes on "
    "from there",
    "product {product}: Shopify gave an uploaded picture another file name ({file}), so it could not be told from the "
    "shop's own pictures any more, and it was deleted again. If an app renames the shop's files, tell it to leave "
    "names with “hs-” alone",
    "product {product}: Shopify gave an uploaded picture another file name ({file}), so it could not be told from the "
    "shop's own pictures any more. If an app renames the shop's files, tell it to leave names with “hs-” alone",
    "the file has {size} MB, and Shopify takes 20 MB at most",
    "the picture has {pixels} megapixels, and Shopify takes 20 at most",
    "the picture has far more than 20 megapixels, the most that Shopify takes",
    "the file is no picture that Shopify takes (JPEG, PNG, WEBP, HEIC, GIF)",
    "Shopify did not say why it cannot process it",
)
LISTING = (  # listing, variant_media: reading and writing one product's media
    "product {product}: Shopify is too slow now. What is uploaded is kept, and it is tried again",
    "product {product} is not in the shop any more, so nothing was written to it",
    "product {product} is suspended by Shopify, so nothing was written to it; see in Shopify why",
    "product {product}: our pictures are off it, but Shopify never answered an earlier write and may still carry it "
    "out, which would put them there again; it is looked at once more",
    "product {product}: Shopify has not put the pictures in order so far; it is looked at again",
    "product {product}: {reason}; nothing is written from that, and it is tried again",
    "product {product}: its variants cannot be read ({reason}); it is tried again",
)
RESTORE = (  # restore, library: taking pictures off again
    "product {product}: {reason}. A variant shows no picture until this goes on; it is tried again",
    "{shop} did not tell of each file whether it is there; it is asked again later",
    "product {product}: somebody else keeps changing its pictures at the same time, or Shopify is still at work on "
    "them, so ours could not be taken off; it is tried again",
    "the list of products cannot be read as a whole; it is tried again",
    "the list of products cannot be read: {reason}",
    "which pictures the products of {shop} show could not be read: the bulk operation {reason}. Nothing was deleted; "
    "try again later",
    "it is no picture file",
    "Shopify has not deleted it so far",
)
TEMPLATES: tuple[str, ...] = (
    *OPTIONS,
    *THINGS,
    *HELP,
    *ANSWERS,
    *REFUSALS,
    *TOKENS,
    *CHECK,
    *CATALOGUE,
    *BULK,
    *ATTACH,
    *LISTING,
    *RESTORE,
)

ON_PAGES: Mapping[str, str] = {
    "Shopify answered with version {version} of its API instead of {wanted}. Bring hebo-sync up to date; until then "
    "check pictures in the shop after the first products.": (
        "Shopify answered with version {version} of its API instead of {wanted}. Bring this program up to date; until "
        "then check pictures in the shop after the first products."
    ),
    "a client secret; put it into `client_secret`": "a client secret; put it into the field “Client secret”",
    "a refresh token; put it into `refresh_token`": "a refresh token; put it into the field “Refresh token”",
    "an access token; put it into `access_token`": "an access token; put it into the field “Access token”",
    "an app needs its Client ID and its client secret: {kind} is missing": (
        "Client ID and client secret go together: {kind} is missing"
    ),
    "`client_id`": "the Client ID",
    "`client_secret`": "the client secret",
    "`client_id` and `client_secret` are the same; the secret stands beside the Client ID": (
        "Client ID and client secret are the same; the secret stands beside the Client ID"
    ),
    "a refresh token needs the `client_id` and `client_secret` of the app that it came from": (
        "a refresh token needs the Client ID and the client secret of the app that it came from"
    ),
    "there is no way in: give `client_id` and `client_secret`, or an `access_token`": (
        "give Client ID and client secret, or an access token"
    ),
    "give either `client_id` and `client_secret`, or an `access_token`; both only with a `refresh_token`": (
        "give either Client ID and client secret, or an access token; both only with a refresh token"
    ),
}
