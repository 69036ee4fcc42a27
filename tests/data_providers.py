"""TensorBoard's two data providers without its web server: the Python loader's, and the data server's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.data import server_ingester
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.util.grpc_util import ChannelCredsType

PROVIDERS = ("python", "data server")


class LogReader:
    """A context as a plugin gets it, and how to have the log read again."""

    def __init__(self, context: TBContext, multiplexer: EventMultiplexer | None, logdir: str) -> None:
        self.context = context
        self._multiplexer = multiplexer
        self._logdir = logdir

    def reload(self) -> None:
        """Have what was written meanwhile read; the data server looks once a second by itself."""
        if self._multiplexer is None:
            time.sleep(1.5)
        else:
            self._multiplexer.AddRunsFromDirectory(str(Path(self._logdir).expanduser()))
            self._multiplexer.Reload()


@contextmanager
def reading(provider: str, logdir: Path | str) -> Iterator[LogReader]:
    """Read a log directory as ``--load_fast=false`` ("python") or ``true`` ("data server") does."""
    logdir = str(logdir)
    if provider == "python":
        multiplexer = EventMultiplexer()
        context = TBContext(
            data_provider=MultiplexerDataProvider(multiplexer, logdir), logdir=logdir, multiplexer=multiplexer
        )
        reader = LogReader(context, multiplexer, logdir)
        reader.reload()
        yield reader
        return
    ingester = server_ingester.SubprocessServerDataIngester(
        server_binary=server_ingester.get_server_binary(),
        logdir=logdir,
        reload_interval=1,
        channel_creds_type=ChannelCredsType.LOCAL,
    )
    ingester.start()
    try:
        # The first load begins with the server; a small log is there at once, on an idle machine.
        time.sleep(0.3)
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline and not ingester.data_provider.list_runs(RequestContext(), experiment_id=""):
            time.sleep(0.05)
        yield LogReader(TBContext(data_provider=ingester.data_provider, logdir=logdir), None, logdir)
    finally:
        # The server ends with its standard input.
        ingester._stdin_handle.close()
