"""simple-salesforce without what it loads and we hardly use: fourteen megabytes, and a tenth of a second.

It imports a SOAP client (zeep, lxml) for the Metadata API, and PyJWT with cryptography for one of the ways to log in.
While it is imported both have a stand-in, which loads the real one when it is called.
"""

import sys
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

#: What the library takes from each of these modules.
_LATER = {"simple_salesforce.metadata": "SfdcMetadataApi", "jwt": "encode"}


def _stand_in(name: str, attribute: str) -> ModuleType:
    module = ModuleType(name)
    setattr(module, attribute, partial(_call, name, attribute))
    return module


def _call(name: str, attribute: str, *args: Any, **options: Any) -> Any:
    return getattr(import_module(name), attribute)(*args, **options)


_stand_ins = {name: _stand_in(name, attribute) for name, attribute in _LATER.items() if name not in sys.modules}
sys.modules.update(_stand_ins)
try:
    import_module("simple_salesforce")
finally:  # whoever else imports one of them gets the real one
    for _name in _stand_ins:
        del sys.modules[_name]

from simple_salesforce.api import Salesforce  # noqa: E402
from simple_salesforce.exceptions import SalesforceAuthenticationFailed  # noqa: E402
from simple_salesforce.format import format_soql  # noqa: E402
from simple_salesforce.login import SalesforceLogin  # noqa: E402

__all__ = ["Salesforce", "SalesforceAuthenticationFailed", "SalesforceLogin", "format_soql"]
