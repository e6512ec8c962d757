"""What the commands print: plain lines, in which a stored text cannot forge another."""

import json
import shlex
import sys


def shown(text: str) -> str:
    """A stored text as a JSON string in ASCII: no line break or control character is left."""
    return json.dumps(text)


def say(line: str) -> None:
    """Print a line at once: whoever watches or records the output misses nothing if it stops."""
    print(line, flush=True)


def say_aside(line: str) -> None:
    """Print a line that is no part of the result: progress, and what to do next."""
    print(line, file=sys.stderr, flush=True)


def resume_option(last_id: str) -> str:
    """The option by which a command goes on after this item, for a shell."""
    return f"--start-after={shlex.quote(last_id)}"
