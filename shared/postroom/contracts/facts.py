"""Every fact that Postroom understands, once: by the topic that carries it, and by its type."""

from itertools import chain

from postroom.contracts import (
    catalogs,
    commlog,
    control,
    decisions,
    demand,
    directory,
    history,
    inboxes,
    invoices,
    mail,
    messages,
    outcomes,
    purchasing,
    registrations,
)
from postroom.contracts.fields import Fact

Facts = tuple[type[Fact], ...]

PURCHASING: Facts = (
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
)
DIRECTORY: Facts = (directory.PersonChanged, directory.CompanyChanged)
COMMLOG: Facts = (commlog.LogCreated, commlog.CorrespondenceRequested)
MESSAGES: Facts = (messages.MessageRequested, messages.MessageWithdrawn)
INBOX: Facts = (inboxes.MessageForwarded,)
DECISIONS: Facts = (decisions.DecisionMade,)
OUTCOMES: Facts = (outcomes.EnvelopeOutcome,)
HISTORY: Facts = (history.HistoryAdvanced,)
MAIL: Facts = (mail.MailReceived,)

_ALL = (PURCHASING, DIRECTORY, COMMLOG, MESSAGES, INBOX, DECISIONS, OUTCOMES, HISTORY, MAIL)
FACTS: dict[str, type[Fact]] = {fact.TYPE: fact for fact in chain(*_ALL)}
