"""Who a request comes from.

    Authenticator        the one small interface: a request in, an Identity or None out
     ├── PasswordSignIn  name and password, a cookie for each browser, the set-up on first run
     └── FirstOf         several, asked in order; the first that knows the request wins

To let people in by other means (the session token of a shop platform, say), write a class with `identify` that
looks at the request and gives `Identity(name, mark)`, and join it: `FirstOf(tokens, open_password_sign_in(db, clock))`.
Nothing else changes: pages ask for `flask.g.identity` only.
"""

from plugin.web.auth.admins import AdminExistsError, NameTakenError, create_admin
from plugin.web.auth.gate import OPEN, install
from plugin.web.auth.identity import Authenticator, FirstOf, Identity
from plugin.web.auth.password_sign_in import PasswordSignIn, open_password_sign_in
from plugin.web.auth.passwords import WeakPasswordError
from plugin.web.auth.set_up_code import SetUpCode
from plugin.web.auth.views import blueprint

__all__ = [
    "OPEN",
    "AdminExistsError",
    "Authenticator",
    "FirstOf",
    "Identity",
    "NameTakenError",
    "PasswordSignIn",
    "SetUpCode",
    "WeakPasswordError",
    "blueprint",
    "create_admin",
    "install",
    "open_password_sign_in",
]
