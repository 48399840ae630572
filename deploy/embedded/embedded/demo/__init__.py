"""The scenario of `make demo`: real causes in, the right mails out, each checked in the mailbox."""

from embedded.demo.play import run

__all__ = ["run"]
