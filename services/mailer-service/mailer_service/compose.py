"""From a message to its one set of bytes: rendered, with documents and PDF where it is a correspondence."""

from dataclasses import dataclass
from email.errors import MessageError
from email.utils import parseaddr
from hashlib import sha256
from typing import Any

from jinja2 import TemplateError

from mailer_service.customer.templates import Templates
from mailer_service.customer.typesetter import TemplateFaultError
from mailer_service.domain import samples
from mailer_service.domain.addresses import deliverable
from mailer_service.domain.messages import CORRESPONDENCE
from mailer_service.domain.reply_addresses import ReplyAddresses
from mailer_service.links import Links
from mailer_service.mime import File, Mail, build
from mailer_service.pdf import PdfFailedError, Pdfs
from mailer_service.render import MissingTemplateError
from mailer_service.rows import Row
from postroom import clock
from postroom.blobs import Blobs
from postroom.contracts.commlog import Blob, CorrespondenceRequested, FrozenLogs
from postroom.contracts.errors import OURS

MAX_BYTES = 32 * 1024 * 1024  # 20 MB of documents as base64, and a PDF of the logs


class Held(Exception):  # noqa: N818 - what happens to the envelope
    """A message that can't be composed now; `reason` names what releases it: template, blob, pdf, render or too_large.

    `version` is the customer's part of its template, as it was.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail[:1_000]
        self.version: object = None


@dataclass(frozen=True, slots=True)
class Composed:
    """A message ready to send; `sha256` is of the exact bytes."""

    subject: str
    body: bytes
    sha256: str


class Composer:
    """Renders and builds. `address` is the envelope's sender, `domain` what Message-IDs and EHLO carry; `replies` where answers go."""

    def __init__(
        self, templates: Templates, blobs: Blobs, pdfs: Pdfs, mail_from: str, links: Links, replies: ReplyAddresses | None = None
    ) -> None:
        name, address = parseaddr(mail_from)
        usable = deliverable(address)
        if usable is None:
            raise ValueError(f"POSTROOM_MAIL_FROM must be an address such as Postroom <postroom@example.org>, not {mail_from!r}")
        self.address = usable
        self.domain = usable.rpartition("@")[2]
        self._name = name
        self._templates = templates
        self._blobs = blobs
        self._pdfs = pdfs
        self._links = links
        self._replies = replies

    @property
    def message_types(self) -> list[str]:
        """The types that can be composed."""
        return self._templates.message_types

    def slow_company(self, message: Row) -> str | None:
        """What this message is composed together with, aside from the others, for it waits for files or a worker; None if it needn't."""
        message_type: str = message["message_type"]
        if message_type == CORRESPONDENCE:
            return str(message["id"])
        return message_type if self._templates.confined(message_type) else None

    def is_outdated(self, message: Row, why: Held) -> bool:
        """Whether it failed in a template that was mended meanwhile."""
        return why.reason in {"render", "template"} and why.version != self._templates.version(message["message_type"])

    async def compose(self, message: Row) -> Composed:
        """The message's subject and bytes. Raises Held."""
        version = self._templates.version(message["message_type"])
        try:
            return await self._compose(message)
        except Held as why:
            why.version = version
            raise

    async def _compose(self, message: Row) -> Composed:
        try:
            if message["message_type"] == CORRESPONDENCE:
                return await self._correspondence(message)
            return await self._mail(message, [(message["name"], deliverable(message["email"]) or "")], ())
        except MissingTemplateError as error:
            raise Held("template", str(error)) from error
        except TemplateFaultError as error:
            raise Held("render", str(error)) from error
        except (TemplateError, MessageError, *OURS) as error:  # whatever it is, nobody else's mail waits for this one
            raise Held("render", f"{type(error).__name__}: {error}") from error

    async def _correspondence(self, message: Row) -> Composed:
        request = CorrespondenceRequested.model_validate(message["facts"])
        tenant = message["tenant"]
        frozen = FrozenLogs.model_validate_json(await self._blob(tenant, request.logs, "the frozen logs"))
        files = [
            File(document.filename, document.media_type, await self._blob(tenant, document, document.filename))
            for document in request.documents
            if not document.link
        ]
        if request.attach_pdf:
            files.append(File(f"communication-logs-{request.order.number}.pdf", "application/pdf", await self._pdf(frozen)))
        answers = self._answered_to(message, request)
        told = {
            "logs": frozen.model_dump(mode="json")["logs"],
            "attached": [file.filename for file in files],
            "linked": self._linked(request),
            "answers": answers is not None,
            "thread": self._replies is not None,
        }
        usable = {address: to.name for to in request.recipients if (address := deliverable(to.address))}
        to = [(name, address) for address, name in usable.items()]
        return await self._mail({**message, "facts": {**message["facts"], **told}}, to, files, reply_to=answers)

    def _answered_to(self, message: Row, request: CorrespondenceRequested) -> str | None:
        """Where a reply goes: to the order's thread where replies come in by mail, else to who wrote."""
        if self._replies:
            return self._replies.of(message["id"])
        return deliverable(request.reply_to) if request.reply_to else None

    async def _pdf(self, frozen: FrozenLogs) -> bytes:
        try:
            return await self._pdfs.logs(frozen, for_mail=True)
        except PdfFailedError as error:
            raise Held("pdf", str(error)) from error

    def _linked(self, request: CorrespondenceRequested) -> list[dict[str, Any]]:
        """What is opened after signing in."""
        return [
            {"filename": one.filename, "size": one.size, "url": self._links.document(request.correspondence, one.document)}
            for one in request.documents
            if one.link
        ]

    async def _blob(self, tenant: str, blob: Blob, what: str) -> bytes:
        try:
            data = await self._blobs.get(tenant, blob.sha256)
        except KeyError as error:
            raise Held("blob", f"{what} ({blob.sha256[:12]}…) is not in the blob store; put it back and resend") from error
        if len(data) != blob.size:
            raise Held("blob", f"{what} has {len(data)} bytes and not the {blob.size} that were told; send it again")
        return data

    async def _mail(self, message: Row, to: list[tuple[str, str]], files: list[File] | tuple[()], reply_to: str | None = None) -> Composed:
        links = self._links.of(message)
        rendered = await self._templates.mail({**message, **links})
        subject = samples.subject(rendered.subject) if samples.is_test(message["cause"]) else rendered.subject
        body = build(
            Mail(
                message_id=f"{_id_part(message['id'])}@{self.domain}",
                sender=(self._name, self.address),
                to=to,
                subject=subject,
                date=clock.now(),
                text=rendered.text,
                html=rendered.html,
                files=files,
                reply_to=reply_to,
                unsubscribe=links["unsubscribe_url"],
            )
        )
        if len(body) > MAX_BYTES:
            raise Held("too_large", f"the mail has {len(body)} bytes; {MAX_BYTES} is the most")
        return Composed(subject, body, sha256(body).hexdigest())


def _id_part(message: str) -> str:
    """The message's id where it is an atom (ours are uuids), else a hash that is."""
    return message if deliverable(f"{message}@x") else sha256(message.encode()).hexdigest()[:40]
