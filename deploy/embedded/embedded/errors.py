"""The one error this package raises: its text says what is wrong and what to do."""


class EmbeddedError(RuntimeError):
    """Something of the embedded infrastructure can't go on; shown to the person without a traceback."""
