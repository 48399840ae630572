"""From a message to its one set of bytes: rendered, with documents and PDF where it is a correspondence."""

from dataclasses import dataclass
from email.utils import parseaddr
from hashlib import sha256

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
from postroom.contracts.commlog import CorrespondenceRequested, FrozenLogs

MAX_BYTES = 28 * 1024 * 1024  # 20 MB of documents, as base64


class Held(Exception):  # noqa: N818 - what happens to the envelope
    """A message that can't be composed now; `reason` names what releases it: template, blob, pdf, render or too_large."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail[:1_000]


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

    async def compose(self, message: Row) -> Composed:
        """The message's subject and bytes. Raises Held."""
        try:
            if message["message_type"] == CORRESPONDENCE:
                return await self._correspondence(message)
            return await self._mail(message, [(message["name"], deliverable(message["email"]) or "")], ())
        except MissingTemplateError as error:
            raise Held("template", str(error)) from error
        except TemplateFaultError as error:
            raise Held("render", str(error)) from error
        except (TemplateError, ValueError, TypeError, KeyError, ArithmeticError) as error:
            raise Held("render", f"{type(error).__name__}: {error}") from error

    async def _correspondence(self, message: Row) -> Composed:
        request = CorrespondenceRequested.model_validate(message["facts"])
        frozen = FrozenLogs.model_validate_json(await self._blob(message["tenant"], request.logs.sha256, "the frozen logs"))
        files = [
            File(document.filename, document.media_type, await self._blob(message["tenant"], document.sha256, document.filename))
            for document in request.documents
        ]
        if request.attach_pdf:
            try:
                pdf = await self._pdfs.logs(frozen, language=request.language)
            except PdfFailedError as error:
                raise Held("pdf", str(error)) from error
            files.append(File(f"communication-logs-{request.order.number}.pdf", "application/pdf", pdf))
        shown = {**message, "facts": {**message["facts"], "logs": frozen.model_dump(mode="json")["logs"]}}
        usable = {address: to.name for to in request.recipients if (address := deliverable(to.address))}
        to = [(name, address) for address, name in usable.items()]
        return await self._mail(shown, to, files, reply_to=self._answered_to(message, request))

    def _answered_to(self, message: Row, request: CorrespondenceRequested) -> str | None:
        """Where a reply goes: to the order's thread where replies come in by mail, else to who wrote."""
        if self._replies:
            return self._replies.of(message["id"])
        return deliverable(request.reply_to) if request.reply_to else None

    async def _blob(self, tenant: str, digest: str, what: str) -> bytes:
        try:
            return await self._blobs.get(tenant, digest)
        except KeyError as error:
            raise Held("blob", f"{what} ({digest[:12]}…) is not in the blob folder; put it back and resend") from error

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
