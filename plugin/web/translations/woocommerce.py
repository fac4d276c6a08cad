"""The messages of connectors.woocommerce, as `messages` has them.

A store's own words, which follow "It says:", stay as the store gives them.
"""

from __future__ import annotations

from collections.abc import Mapping

OPTIONS = (  # options, room: the settings
    "write the store's address, such as https://shop.example",
    "this is not a web address; {hint}",
    "must begin with https:// or http://; {hint}",
    "must not have a user name or a password in it; {hint}",
    "must not have a ? or a # in it; {hint}",
    "the consumer secret; put the consumer key (ck_…) here",
    "the consumer key; put the consumer secret (cs_…) here",
    "must begin with {word} and have only letters and digits after it; copy it again as a whole",
    "an Application Password needs its user name and itself: {kind} is missing",
    "`app_user` (the WordPress user)",
    "`app_password`",
    "the certificate file {path} (`verify`) cannot be used: {reason}",
    "it is not PEM",
)
THINGS = (  # what a request was about
    "variation {variation} of product {product}",
    "the variations of product {product}",
    "the variations of {product}",
    "the list of variations of product {product}",
    "the picture {file}",
    "picture {picture}",
    "its library",
)
ANSWERS = (  # errors, client, replies: no answer, or none that can be used
    "{home}: the answer about {where} is too large",
    "{home}: no complete answer about {where} came; the server may be slow or overloaded",
    "{home} is at a private address, and such addresses are not called. For a store in your own network set "
    "`allow_private_addresses = true` under [app] in the configuration file",
    "{home}: the store's certificate is not accepted ({reason}). Have it mended; or, if it comes from an authority of "
    "your own, name that authority's certificate file (PEM) as `verify`",
    "its host name is not known. Check the address in the store's settings",
    "{home} leads on to {url}: put that address into the store's settings",
    "{home} leads requests to its REST API on to {where}: a security or “coming soon” plugin may be closing it. Allow "
    "the REST API (/wp-json/) there",
    "nowhere",
    "{home} did not answer with data about {where}: {reason}",
    "PHP messages stand in it; switch off WP_DEBUG_DISPLAY",
    "a security plugin, a maintenance mode or a “coming soon” page may be closing the REST API (/wp-json/)",
    "{home} has no REST API under /wp-json/. In WordPress choose any permalink structure but “Plain” (Settings → "
    "Permalinks); check the address in the store's settings, too",
    "the store's answer about {where} is empty or not what it should be; a plugin may be spoiling the REST API's "
    "answers",
)
REFUSALS = (  # errors, client: the store does not do what it was asked to
    "{home} refused the request about {where} with a web page (status {status}): a firewall, a security plugin or a "
    "password in front of the site may be closing the REST API (/wp-json/)",
    "{home} takes no request as large as this one (upload limit of the server)",
    "{home} is not available for now (maintenance or overload); it is asked again later",
    "{home} does not know /wp-json/{path}; activate WooCommerce there, or bring it up to date",
    "{home} has no {where} (any more)",
    "{home} failed on {where} (status {status})",
    "{home} refused the request about {where} (status {status})",
    "{home} refused: the key may only read. Make one with the permissions Read/Write",
    "{home} refused the request's signature: check the consumer secret, and that the address in the settings is "
    "exactly the store's own (Settings → General → Site Address)",
    "{home} refused the request's time: this machine's clock, or the store's, is wrong by more than 15 minutes",
    "{home} does not accept the consumer key or secret: check both, or make a new key under WooCommerce → Settings → "
    "Advanced → REST API",
    "{home} does not accept the Application Password, or its user may not do this: check the user name, and make a "
    "new one under Users → Profile → Application Passwords for a user who may upload files",
    "{home} does not let the key's user do this: make a key for a user who may manage the shop (Shop manager)",
    "{home} did not see the consumer key: its server may be taking away the Authorization header (ask the host to "
    "pass it on to PHP), or the address in the settings is not the store's own",
    "{reason}. It says: {detail}",
    "{home}: this needs an Application Password; add one in the store's settings",
    "{home}: an Application Password is not used over http, where anybody on the way could read it; give the store a "
    "certificate and use its https:// address",
)
CHECK = (  # check, reach: what a check of the connection says
    "{home} answers, but not as a WooCommerce store: is the plugin active there, and up to date?",
    "The store's own address is {url}, not {home}: put that one into the settings",
    "The store's clock is {minutes} minutes {kind} this machine's; over http the store refuses requests then. Set the "
    "clocks right",
    "The store's clock is {minutes} minutes {kind} this machine's; changes in the store may be seen only by the weekly "
    "reading of everything",
    "behind",
    "ahead of",
    "The consumer key may only read: make one with the permissions Read/Write (WooCommerce → Settings → Advanced → "
    "REST API). The store says: {detail}",
    "Whether the key may write is not known: {reason}",
    "The key's user may not edit products: make a key for a user with the role Shop manager",
    "The store has no products yet.",
    "The Application Password is not used: the store's address is http, and it needs https.",
    "The WordPress user {user} may not upload files: give that user the role Shop manager, or choose another user",
    "A webhook named “{name}” may be left in the store; it can be deleted.",
    "Pictures are uploaded with the Application Password. Only the first upload proves that the store keeps them.",
    "The store fetches pictures from this program. Only the first one proves that its server may.",
    "Whether the store can reach this program could not be tried ({reason}).",
    "There is no way for a picture into the store: {reason}, or {detail}",
    "The store cannot reach this program's public address, so it cannot fetch pictures from it. The store says: "
    "{detail}. Open that address to the internet (port 80, 443 or 8080), or {reason}",
    "The store cannot reach this program's public address, so it cannot fetch pictures from it. Open that address to "
    "the internet (port 80, 443 or 8080), or {reason}",
    "give the store an Application Password (WordPress: Users → Profile → Application Passwords; needs https)",
    "set this program's public address (`public_url` under [app]) so that the store can fetch pictures from it",
    "The store does not tell which products have only a gallery and no main image; adding a picture to such a product "
    "makes one of its gallery the main image. An Application Password lets us see them.",
)
CATALOGUE = (  # catalogue, paging, product, main_images: reading
    "product {product}: a WooCommerce product has a number",
    "product {product} of {home} is in the trash",
    "variation {variation} of product {product} is gone from {home}, or has no photo of its own",
    "product {product} ({name})",
    "a variation of {where}",
    "the file of its main image is missing; choose another main image in the store",
    "it has pictures in its gallery only, and adding one would make one of these its main image; choose a main image "
    "in the store first",
    "the store gave an entry without a number",
    "the store gave no list of its images; a plugin may be spoiling the REST API's answers",
    "{where}: the store gave no list; a plugin may be spoiling the REST API's answers",
    "{where}: the store does not order it by id as it was asked to, so that it cannot be read without a gap; a plugin "
    "that sorts products may be the cause",
    "{where} changes too quickly to be read without a gap; it is read again later, from its beginning",
    "product {product} of {home} cannot be read: the store gave no product; a plugin may be spoiling the REST API's "
    "answers",
)
ATTACH = (  # attachment, variation_attachment, uploads: putting pictures on a listing
    "product {product}: the store answered that it took the pictures, but it does not show them; it is looked at again",
    "product {product}: somebody else keeps changing its pictures at the same time, and ours were overwritten {tries} "
    "times; theirs stand, and it is tried again",
    "product {product}: the store gave the pictures other file names, so they could not be told from the shop's own "
    "any more, and they were taken off again. Switch off the plugin that renames pictures, or tell it to leave names "
    "with “hs-” alone",
    "product {product}: the store took the pictures, but under names and titles of its own, so they cannot be told "
    "from the shop's own. Look at the product and take off what should not be there. Then switch off the plugin that "
    "renames pictures, or tell it to leave names with “hs-” alone",
    "the store answered the upload with another picture ({file}), which is not used. Switch off the plugin that looks "
    "for the same picture in the library, or renames uploads, for names with “hs-”",
    "product {product}: the store goes on showing how the product was before the last write, so nothing is written "
    "from that. A caching plugin or a CDN keeps answers of the REST API: except /wp-json/ there. It is looked at again",
    "product {product}: the store names another main picture than the one that it lists first, and writing the list "
    "would change it; it is looked at again. If this stays, a plugin sorts the pictures in the REST API's answers",
    "product {product}: our pictures are off it, but the store never answered an earlier write and may still carry it "
    "out, which would put them there again; it is looked at once more",
    "product {product}: the store could not fetch {failed} of {wanted} pictures now ({reason}); the others are there, "
    "and these are tried again",
    "product {product}: the store can neither be sent pictures nor fetch them. Either add an Application Password to "
    "the store's settings (WordPress: Users → Profile), which needs https; or set a public address under which the "
    "store reaches this program ({reason})",
    "{reason} (stores fetch from public addresses only, and on the ports 80, 443 and 8080)",
    "the store did not say why",
    "variation {variation} of product {product} has no picture of its own (any more), so nothing was written; give it "
    "one in the store, or publish to the product instead",
    "variation {variation} of product {product} did not take its picture: {detail}; it is tried again",
    "the picture {file} was not uploaded",
    "the store gave the uploaded picture another file name ({file}), so it could not be told from the shop's own "
    "pictures any more, and it was deleted again. Switch off the plugin that renames uploads, or tell it to leave "
    "names with “hs-” alone",
)
LISTING = (  # listing: reading and writing one list of pictures
    "product {product}: the store is too slow now. What is uploaded is kept, and it is tried again",
    "product {product}: the store was told to fetch pictures for it and may still be at it. Nothing is written before "
    "that is known; it is looked at again",
    "product {product} is in the store's trash, so nothing was written to it; restore it there first",
    "the store gave no whole list of the pictures of product {product}, so nothing is written from it; a plugin may be "
    "spoiling the REST API's answers",
    "product {product} has no picture in the store, so one of ours would become its main picture; give it a main "
    "picture there, then {kind} again",
    "product {product} has a gallery but no main picture, and writing to it would make the first picture of the "
    "gallery the main one; choose its main picture in the store, then {kind} again",
    "publish the pictures",
    "undo",
)
RESTORE = (  # restore, library: taking pictures off again
    "product {product}: somebody else keeps changing its pictures at the same time, so ours could not be taken off; it "
    "is tried again",
    "product {product} has no pictures but ours any more, and a product is not left without any; give it another "
    "picture in the store, then undo again. Nothing was changed",
    "the picture that variation {variation} of product {product} showed before {reason}; give it another picture in "
    "the store, then undo again. Nothing was changed",
    "is not known",
    "is not in the store's library any more",
    "the consumer key may not delete pictures from the store's library. Add an Application Password of a user who may "
    "delete media to the store's settings (it needs https), or delete them in WordPress under Media. They remain "
    "there: {names}",
    "the store's catalogue changes while it is read; try again when it is quiet",
    "not tried, since {reason}",
)
TEMPLATES: tuple[str, ...] = (
    *OPTIONS,
    *THINGS,
    *ANSWERS,
    *REFUSALS,
    *CHECK,
    *CATALOGUE,
    *ATTACH,
    *LISTING,
    *RESTORE,
)

ON_PAGES: Mapping[str, str] = {
    "an Application Password needs its user name and itself: {kind} is missing": (
        "the WordPress user and the Application Password go together: {kind} is missing"
    ),
    "`app_user` (the WordPress user)": "the user",
    "`app_password`": "the password",
    "the certificate file {path} (`verify`) cannot be used: {reason}": (
        "the certificate file {path} cannot be used: {reason}"
    ),
    "{home}: the store's certificate is not accepted ({reason}). Have it mended; or, if it comes from an authority of "
    "your own, name that authority's certificate file (PEM) as `verify`": (
        "{home}: the store's certificate is not accepted ({reason}). Have it mended; or, if it comes from an authority "
        "of your own, name that authority's certificate file (PEM) in the store's settings"
    ),
}
