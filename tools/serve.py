"""Serve `_build/html` on this computer, at port 8000 or the next free one, until Ctrl-C.

python tools/serve.py [--port 8000]
"""

import argparse
import contextlib
import functools
import signal
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HTML = Path(__file__).resolve().parent.parent / "_build" / "html"


class Handler(SimpleHTTPRequestHandler):
    """Silent, and never cached, so that a rebuilt page shows at the next reload."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def end_headers(self):
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"

    def handle_error(self, request, client_address):
        """Let a browser that leaves early do so quietly."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def open_server(directory=HTML, port=8000):
    """Return a server of `directory` bound to the first free port from `port` on (0: any free one)."""
    handler = functools.partial(Handler, directory=str(directory))
    for candidate in range(port, port + 100 if port else 1):
        with contextlib.suppress(OSError):
            return Server(("127.0.0.1", candidate), handler)
    raise OSError(f"no free port from {port} to {port + 99}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8000)
    server = open_server(port=parser.parse_args().port)
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    print(f"The book is at http://127.0.0.1:{server.server_port}/ (Ctrl-C ends)", flush=True)
    with contextlib.suppress(KeyboardInterrupt), server:
        server.serve_forever()
    print()


if __name__ == "__main__":
    main()
