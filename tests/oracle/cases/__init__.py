"""The table: for each message type the cases in which the seed wants a letter, and those in which it doesn't.

Each case says what is expected in so many words; the oracle's function and the rules service are both held to it. A case that has to
change together with rules.yaml says why.
"""

from tests.oracle.cases import access, catalogs, control, deliveries, demand, invoices, minimum, reminders

CASES = (
    *demand.due_templates(),
    *access.carbon_copies(),
    *control.control_structures(),
    *deliveries.goods_receipts(),
    *control.budgets(),
    *deliveries.wrong_deliveries(),
    *demand.quantity_replies(),
    *invoices.invoices(),
    *minimum.minimum_requester(),
    *minimum.minimum_purchaser(),
    *reminders.reminders_requester(),
    *reminders.reminders_purchaser(),
    *catalogs.catalogs(),
)
