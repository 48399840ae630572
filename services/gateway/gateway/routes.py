"""THE table of what can be reached from outside, and behind which service it lies. A service's other routes stay inside."""

from dataclasses import dataclass

PO, COMMLOG, RULES, MAILER = "po-service", "commlog-service", "notification-rules", "mailer-service"


@dataclass(frozen=True, slots=True)
class Route:
    """One path of a service with its methods; the gateway serves it below /api. An `endless` answer takes a connection for itself."""

    service: str
    path: str
    methods: tuple[str, ...] = ("GET",)
    endless: bool = False


ROUTES = (
    Route(PO, "/documents", ("POST",)),
    Route(PO, "/waiting"),
    Route(PO, "/orders"),
    Route(PO, "/orders/{order}"),
    Route(PO, "/orders/{order}/contacts"),
    Route(PO, "/orders/{order}/documents", ("GET", "POST")),
    Route(PO, "/orders/{order}/documents/{document}", ("GET", "DELETE")),
    Route(PO, "/orders/{order}/delivery-notes", ("POST",)),
    Route(PO, "/orders/{order}/goods-receipts", ("POST",)),
    Route(PO, "/people"),
    Route(PO, "/people/{person}", ("GET", "PUT")),
    Route(PO, "/companies"),
    Route(PO, "/companies/{company}", ("GET", "PUT")),
    Route(PO, "/contracts"),
    Route(PO, "/contracts/{contract}", ("GET", "PUT")),
    Route(PO, "/budgets/{budget}", ("GET", "PUT")),
    Route(PO, "/control-structures"),
    Route(PO, "/control-structures/{structure}", ("GET", "PUT")),
    Route(PO, "/demand-templates"),
    Route(PO, "/demand-templates/{template}", ("GET", "PUT")),
    Route(PO, "/demand-templates/{template}/withdraw", ("POST",)),
    Route(PO, "/quantity-requests/{request}/release", ("POST",)),
    Route(PO, "/quantity-requests/{request}/replies", ("GET", "POST")),
    Route(PO, "/carbon-copy-users/{user}", ("GET", "PUT")),
    Route(PO, "/carbon-copy-users/{user}/log-ons", ("POST",)),
    Route(PO, "/catalogs"),
    Route(PO, "/catalogs/{catalog}", ("GET", "PUT")),
    Route(PO, "/catalogs/{catalog}/items", ("GET", "PUT")),
    Route(PO, "/invoices/{invoice}", ("GET", "PUT")),
    Route(PO, "/invoices/{invoice}/checks", ("POST",)),
    Route(PO, "/requisitions"),
    Route(PO, "/requisitions/{item}", ("GET", "PUT")),
    Route(PO, "/order-generation", ("POST",)),
    Route(PO, "/tasks"),
    Route(PO, "/tasks/{name}/run", ("POST",)),
    Route(COMMLOG, "/log-types", ("GET", "PUT")),
    Route(COMMLOG, "/orders/{order}/logs", ("GET", "POST")),
    Route(COMMLOG, "/orders/{order}/logs/{log}/attachments/{sha256}"),
    Route(COMMLOG, "/orders/{order}/reviews"),
    Route(COMMLOG, "/reviews/{review}/accept", ("POST",)),
    Route(COMMLOG, "/reviews/{review}/discard", ("POST",)),
    Route(COMMLOG, "/orders/{order}/correspondences", ("GET", "POST")),
    Route(COMMLOG, "/correspondences/{correspondence}"),
    Route(COMMLOG, "/correspondences/{correspondence}/send", ("POST",)),
    Route(COMMLOG, "/correspondences/{correspondence}/pdf", ("POST",)),
    Route(COMMLOG, "/sends/{send}/documents/{document}"),
    Route(RULES, "/undecided"),
    Route(RULES, "/rules"),
    Route(RULES, "/rules/check", ("POST",)),
    Route(RULES, "/rules/try", ("POST",)),
    Route(RULES, "/preferences", ("GET", "PUT")),
    Route(RULES, "/preferences/{message_type}", ("PUT",)),
    Route(MAILER, "/inbox"),
    # Before the inbox's messages: a path with a name comes before one with a parameter.
    Route(MAILER, "/inbox/events", endless=True),
    Route(MAILER, "/inbox/read-all", ("POST",)),
    Route(MAILER, "/inbox/{message}"),
    Route(MAILER, "/inbox/{message}/read", ("POST",)),
    Route(MAILER, "/inbox/{message}/unread", ("POST",)),
    Route(MAILER, "/inbox/{message}/forward", ("POST",)),
    Route(MAILER, "/messages"),
    Route(MAILER, "/templates"),
    Route(MAILER, "/templates/{message_type}", ("GET", "PUT", "DELETE")),
    Route(MAILER, "/templates/{message_type}/check", ("POST",)),
    Route(MAILER, "/templates/{message_type}/preview", ("POST",)),
    Route(MAILER, "/templates/{message_type}/test", ("POST",)),
    Route(MAILER, "/envelopes/{envelope}/resend", ("POST",)),
    Route(MAILER, "/unknown"),
    Route(MAILER, "/unknown/decisions", ("POST",)),
    Route(MAILER, "/unknown/{envelope}/decision", ("POST",)),
)
