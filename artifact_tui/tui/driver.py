"""Textual's terminal driver, but one that ends when the terminal is gone.

Stock, a closed terminal leaves a process that spins for ever or hangs on output nobody takes; and
its input thread wakes ten times a second, which makes quitting slow. Textual has no public way to
read keys: what is private in here is used as its own driver uses it.
"""

from __future__ import annotations

import codecs
import os
import selectors
import signal
from contextlib import suppress
from typing import IO, TYPE_CHECKING, cast

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from io import TextIOWrapper

    from textual.app import App
    from textual.message import Message

_CHUNK = 4096
_RESTLESS = 0.05
"""Seconds between looks at an escape sequence that has begun."""
_LOOKS = 20
"""How many of them: a second is more than any sequence may take."""


class _Output:
    """A file that swallows what can no longer be written, and remembers that."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.gone = False

    def write(self, text: str) -> int:
        if not self.gone:
            try:
                return self._file.write(text)
            except (OSError, ValueError):
                self.gone = True
        return len(text)

    def flush(self) -> None:
        if not self.gone:
            try:
                self._file.flush()
            except (OSError, ValueError):
                self.gone = True

    def fileno(self) -> int:
        return self._file.fileno()


class TerminalDriver(LinuxDriver):
    """Reads keys until the terminal goes, and then lets the app leave."""

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._file = cast("TextIOWrapper", _Output(cast("IO[str]", self._file)))
        self._wake_read = self._wake_write = -1
        self._continued = False

    def start_application_mode(self) -> None:
        """Take the terminal, also again after it was given back."""
        if self._wake_read < 0:
            self._wake_read, self._wake_write = os.pipe()
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def disable_input(self) -> None:
        """Wake the input thread, so that it ends now."""
        with suppress(OSError):
            os.write(self._wake_write, b"x")
        super().disable_input()

    def close(self) -> None:
        """Close the pipe as well."""
        super().close()
        for end in (self._wake_read, self._wake_write):
            with suppress(OSError):
                os.close(end)
        self._wake_read = self._wake_write = -1

    # Going back to the shell

    @property
    def _has_terminal(self) -> bool:
        return self._key_thread is not None and self._key_thread.is_alive()

    def stop(self) -> bool:
        """Give the terminal back and stop, until the shell continues this process.

        Returns False when it was not stopped: there is no shell that could continue it.
        """
        self.suspend_application_mode()
        self._continued = False
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        try:
            os.kill(0, signal.SIGTSTP)  # whoever started us for the shell has to stop as well
        finally:
            signal.signal(signal.SIGTSTP, self._sigtstp_application)
        if not self._has_terminal:
            self.resume_application_mode()
        return self._continued

    def resume_application_mode(self) -> None:
        """Take the terminal back; what a shell has done to it meanwhile is undone."""
        if self._has_terminal:  # stopped by a signal that nobody can hear
            self.suspend_application_mode()
        self._must_signal_resume = True
        super().resume_application_mode()

    def _sigtstp_application(self, *_: object) -> None:
        """Stop, as a SIGTSTP from outside asks."""
        self.stop()

    def _sigcont_application(self, *_: object) -> None:
        """The shell continues us, in the foreground or not."""
        self._continued = True
        super()._sigcont_application()

    def _run_input_thread(self) -> None:
        """The thread: a terminal that cannot be read any more is one that is gone."""
        try:
            self.run_input_thread()
        except OSError:
            self._app.call_later(self._app.exit)

    def run_input_thread(self) -> None:
        """Read and dispatch until told to stop; sleeps while nothing comes."""
        parser = XTermParser(self._debug)
        decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            looks = 0
            while not self.exit_event.is_set():
                ready = [key.fd for key, _ in selector.select(_RESTLESS if looks else None)]
                if self._wake_read in ready:
                    os.read(self._wake_read, 1)
                    return  # the event may not be set yet: waiting for it here would be for ever
                if self.fileno in ready:
                    data = os.read(self.fileno, _CHUNK)
                    if not data:
                        raise OSError("the terminal is gone")
                    self._dispatch(parser.feed(decode(data)))
                    looks = _LOOKS
                self._dispatch(parser.tick())
                looks = max(looks - 1, 0)

    def _dispatch(self, events: object) -> None:
        for event in cast("list[Message]", events):
            self.process_message(event)
