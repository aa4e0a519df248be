"""What a drill is doing right now: one line that changes on a terminal, one line a step elsewhere."""

from __future__ import annotations

import shutil
import time
from typing import TextIO


class Progress:
    """Writes to a stream; a wait that repeats itself with new seconds is shown on a terminal only."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = time.monotonic()
        self._last = ""
        self._open = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_line()

    def say(self, text: str) -> None:
        """Show what happens now, with the time since the beginning."""
        what = text.partition(" (")[0]
        line = f"[{time.monotonic() - self._started:6.1f} s] {text}"
        if not self._stream.isatty():
            if what != self._last:
                self._stream.write(line + "\n")
                self._stream.flush()
        else:
            if what != self._last:
                self._end_line()
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r\033[K" + line[:width])
            self._stream.flush()
            self._open = True
        self._last = what

    def _end_line(self) -> None:
        if self._open:
            self._stream.write("\n")
            self._open = False
