"""How Dask is set up, for scheduler, workers and coordinators alike."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from distributed import Security

from sweeps.cluster.certificates import Certificates

CONFIGURATION = {
    # Dask's statistical profiler cost a training worker a quarter of its speed (17.2 s against 13.3 s).
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.limit": "1h",
    # Dask always starts a web server with every scheduler and worker: these have no pages.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # A fit stays on the worker that the coordinator gave it to.
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.diagnostics.nvml": False,
}

#: The setting with the place of temporary files, where Dask leaves a folder.
TEMPORARY = "temporary-directory"

#: The address for those web servers: without one Dask listens on all interfaces.
LOOPBACK = "127.0.0.1:0"


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Dask's logs: losses of workers are expected, and refold reports each in one line."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:  # some loggers have their own level
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def security(certificates: Certificates | None) -> Security | None:
    """Return Dask's settings for TLS with certificates checked on both sides; None for plain TCP."""
    if certificates is None:
        return None
    files = {
        f"tls_{role}_{part}": str(path)
        for role in ("scheduler", "worker", "client")
        for part, path in (("cert", certificates.certificate), ("key", certificates.key))
    }
    return Security(require_encryption=True, tls_ca_file=str(certificates.authority), **files)
