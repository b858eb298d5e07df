"""How far a bill may be from the exact amount, because cents are whole and the CRM's own numbers are rounded.

A whole period is rounded once. Pieces take what whole periods leave, so they take the rounding of all. What is taken
away costs per period what was sold per period, and the credit takes the rest of what the CRM says: where the two differ
(the CRM rounds each price, and counts each line's days as one) either is right.
"""

from collections.abc import Sequence
from fractions import Fraction

from connector.domain.contract import Contract
from tests.oracle.calendars import end_of
from tests.oracle.days import length
from tests.oracle.sold import HALF, Piece, Sale, half_a_cent, minor

#: Prices per month that differ by more are different prices, not roundings.
_SAME = Fraction(1, 50)


def slack(sale: Sale, piece: Piece, family: Sequence[Sale], contract: Contract) -> Fraction:
    """Return how many minor units a piece may be off."""
    own = HALF + sale.field
    if not piece.at.whole:
        own = sale.wholes * own + 1
    if contract.policies.rounding == "adjust" and piece == sale.pieces[0]:
        own += sale.wholes * HALF + 1
    if sale.line.quantity >= 0:
        return own
    if piece.at.start != sale.line.start:
        return own + _stray(sale, piece, family, contract)
    return own + _stray(sale, piece, family, contract) + slack_of_rest(sale, family, contract)


def slack_of_rest(sale: Sale, family: Sequence[Sale], contract: Contract) -> Fraction:
    """Return how much of what is taken away later may be given back with the first piece, or before it."""
    later = [piece for piece in sale.pieces if piece.at.start != sale.line.start]
    strays = sum((_stray(sale, piece, family, contract) + 1 for piece in later), Fraction(0))
    return strays + abs(Fraction(sale.line.quantity)) * half_a_cent(sale.line, contract)


def slack_of_all(sale: Sale, contract: Contract) -> Fraction:
    """Return how many minor units a line may be off in all."""
    taken = max(-Fraction(sale.line.quantity), Fraction(0))
    return sale.wholes * HALF + 1 + 2 * taken * half_a_cent(sale.line, contract)


def _stray(sale: Sale, piece: Piece, family: Sequence[Sale], contract: Contract) -> Fraction:
    """Return by how much the price of what is taken away differs from the prices of what was sold."""
    first = [other for other in family if other.line.ref == sale.root]
    sold = [other for other in (*first, *family) if other.line.quantity > 0 and other.at(piece.at)]
    if not sold:
        return Fraction(0)
    root, found = sold[0], sold[0].at(piece.at)
    assert found is not None
    per_unit = found.worth / Fraction(root.line.quantity)
    total = Fraction(0)
    for other in family:
        found = other.at(piece.at)
        if found is not None and (other is sale or other.line.quantity > 0) and _one_price(root, other, contract):
            total += abs(found.worth - per_unit * Fraction(other.line.quantity))
    return total


def _one_price(one: Sale, other: Sale, contract: Contract) -> bool:
    """Tell whether two lines have the same price per month, each by its own count of months and rounded by itself."""
    prices, rounding = [], Fraction(0)
    for line in (one.line, other.line):
        sold = length(line.start, end_of(line, contract), line.start, contract.policies.precision)
        months = Fraction(line.price_term) if line.price_term else sold
        prices.append(minor(line.unit_price, contract) / months)
        rounding += half_a_cent(line, contract) / months
    return abs(prices[0] - prices[1]) <= prices[0] * _SAME + rounding
