"""One emulator as a program: `stripe`, or `salesforce` with the number of orders and whether each has its customer."""

import json
import sys

from benchmarks.company import company
from benchmarks.emulators import NOW
from benchmarks.limited import LimitedStripe
from connector.sandbox.salesforce import SalesforceSandbox


def main() -> None:
    """Serve until standard input is closed."""
    if sys.argv[1] == "stripe":
        with LimitedStripe(now=NOW) as stripe:
            _serve({"url": stripe.url})
        return
    orders, customers = int(sys.argv[2]), bool(int(sys.argv[3]))
    with SalesforceSandbox(records=company(orders, customers=customers), now=NOW) as salesforce:
        app = salesforce.connected_app
        _serve({"url": salesforce.url, "key": app.consumer_key, "secret": app.consumer_secret})


def _serve(place: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(place) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
