"""Every fact that Postroom understands, by its type."""

from postroom.contracts import (
    catalogs,
    commlog,
    control,
    decisions,
    demand,
    directory,
    inboxes,
    invoices,
    messages,
    outcomes,
    purchasing,
    registrations,
)
from postroom.contracts.fields import Fact

FACTS: dict[str, type[Fact]] = {
    fact.TYPE: fact
    for fact in (
        purchasing.DeliveryNoteRecorded,
        purchasing.GoodsReceived,
        purchasing.OrderChanged,
        purchasing.DeliveryNoteOverdue,
        purchasing.MinimumOrderValueNotReached,
        control.BudgetExpired,
        control.ControlStructureExpired,
        demand.TemplateDue,
        demand.TemplateWithdrawn,
        demand.QuantityRequestReplied,
        catalogs.CatalogItemsChanged,
        invoices.InvoiceCheckFailed,
        registrations.CarbonCopyUserRegistered,
        directory.PersonChanged,
        directory.CompanyChanged,
        commlog.LogCreated,
        commlog.CorrespondenceRequested,
        messages.MessageRequested,
        messages.MessageWithdrawn,
        inboxes.MessageForwarded,
        decisions.DecisionMade,
        outcomes.EnvelopeOutcome,
    )
}
