"""Every fact that Postroom understands, by its type."""

from postroom.contracts import commlog, decisions, directory, messages, outcomes, purchasing
from postroom.contracts.fields import Fact

FACTS: dict[str, type[Fact]] = {
    fact.TYPE: fact
    for fact in (
        purchasing.DeliveryNoteRecorded,
        purchasing.GoodsReceived,
        purchasing.BudgetExpired,
        directory.PersonChanged,
        directory.CompanyChanged,
        commlog.LogCreated,
        commlog.CorrespondenceRequested,
        messages.MessageRequested,
        decisions.DecisionMade,
        outcomes.EnvelopeOutcome,
    )
}
