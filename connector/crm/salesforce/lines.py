"""What hangs on an order of Salesforce CPQ: its lines, their usage rates, and the coupons. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from connector.mapping.raw import RawLine, RawRecord, RawRecords

Groups = dict[str, list[RawRecord]]

ITEM_SCHEDULE = "SBQQ__OrderItemConsumptionSchedule__c"
ITEM_RATE = "SBQQ__OrderItemConsumptionRate__c"
COUPON = "Order_Stripe_Coupon__c"
STATUS = "Stripe_Sync_Record__c"

#: Object → the lookup that ties its records to their parent. The adapter reads these columns whatever the mapping says.
PARENT_LOOKUPS = {
    "OrderItem": ("OrderId", "Product2Id", "SBQQ__RevisedOrderProduct__c"),
    ITEM_SCHEDULE: ("SBQQ__OrderItem__c",),
    ITEM_RATE: (ITEM_SCHEDULE, "SBQQ__LowerBound__c"),
    "ProductConsumptionSchedule": ("ProductId", "ConsumptionScheduleId"),
    "ConsumptionRate": ("ConsumptionScheduleId", "LowerBound"),
    COUPON: ("Order__c", "Order_Item__c"),
    STATUS: ("Order__c",),
}


def grouped(records: Iterable[RawRecord], lookup: str) -> Groups:
    """Group records by the first 15 characters of the id in a lookup field; empty lookups are left out."""
    groups: Groups = defaultdict(list)
    for record in records:
        parent = record.fields.get(lookup)
        if isinstance(parent, str):
            groups[parent[:15]].append(record)
    return groups


def alive(records: RawRecords, name: str) -> Iterator[RawRecord]:
    """Yield the records of an object that are not in the recycle bin, by id."""
    return (record for record in records.of(name) if not record.fields.get("IsDeleted"))


@dataclass(frozen=True, slots=True)
class OrderParts:
    """Every record below an order, found by the parent it names."""

    lines: Groups
    order_coupons: Groups
    line_coupons: Groups
    line_schedules: Groups
    line_rates: Groups
    product_links: Groups
    product_rates: Groups
    statuses: Groups

    @classmethod
    def of(cls, records: RawRecords) -> "OrderParts":
        """Index the records once; the indexes serve all contracts of a batch."""
        coupons = list(alive(records, COUPON))
        return cls(
            lines=grouped(alive(records, "OrderItem"), "OrderId"),
            order_coupons=grouped((c for c in coupons if not c.fields.get("Order_Item__c")), "Order__c"),
            line_coupons=grouped(coupons, "Order_Item__c"),
            line_schedules=grouped(alive(records, ITEM_SCHEDULE), "SBQQ__OrderItem__c"),
            line_rates=grouped(alive(records, ITEM_RATE), ITEM_SCHEDULE),
            product_links=grouped(alive(records, "ProductConsumptionSchedule"), "ProductId"),
            product_rates=grouped(alive(records, "ConsumptionRate"), "ConsumptionScheduleId"),
            statuses=grouped(alive(records, STATUS), "Order__c"),
        )

    def lines_of(self, records: RawRecords, order: RawRecord) -> tuple[RawLine, ...]:
        """Return the lines of an order, by id."""
        return tuple(self._line(records, line) for line in self.lines.get(order.id[:15], ()))

    def coupons_of(self, order: RawRecord) -> tuple[RawRecord, ...]:
        """Return the coupons on the order as a whole; a coupon that also names a line belongs to the line."""
        return tuple(self.order_coupons.get(order.id[:15], ()))

    def links_of(self, line: RawRecord) -> list[RawRecord]:
        """Return the records that tie the line's product to usage schedules."""
        return self.product_links.get(str(line.fields.get("Product2Id") or "")[:15], [])

    def _line(self, records: RawRecords, record: RawRecord) -> RawLine:
        """Give a line its usage rates: those negotiated for it, or else those of its product."""
        schedules, rates = self.line_schedules.get(record.id[:15], []), self.line_rates
        if not schedules:
            found = (records.get(link.fields.get("ConsumptionScheduleId")) for link in self.links_of(record))
            schedules, rates = [schedule for schedule in found if schedule is not None], self.product_rates
        return RawLine(
            record=record,
            rate_schedules=tuple(schedules),
            rates=tuple(rate for schedule in schedules for rate in sorted(rates.get(schedule.id[:15], ()), key=_bound)),
            discounts=tuple(self.line_coupons.get(record.id[:15], ())),
        )


def _bound(rate: RawRecord) -> tuple[Decimal, str]:
    lower = rate.fields.get("SBQQ__LowerBound__c", rate.fields.get("LowerBound"))
    return (Decimal(str(lower or 0)), rate.id)
