"""MLflow's database: created in one step, and never migrated unless the user does so.

MLflow migrates a database that lacks one of its tables as soon as it opens it. An interrupted migration
leaves a database that cannot be opened any more. Here a new SQLite file gets its name when it is complete. A
database of another MLflow version is refused, with the command that migrates it.

Takes the ``mlflow`` package as an argument: only ``tracking.mlflow.view`` imports it.
"""

import os
import time
from pathlib import Path
from typing import Any

from tracking.errors import StoreUnusable
from tracking.mlflow.damage import JOURNALS
from tracking.mlflow.uri import shown
from trainer.runtime.scratch import scratch_folder


def prepare_database(mlflow: Any, uri: str, artifact_root: Path | None) -> None:
    """Make sure that a database exists and has the schema of this MLflow.

    Args:
        mlflow: the package.
        uri: of a database, not of a server.
        artifact_root: the place of artifacts, for a new SQLite database.

    Raises:
        StoreUnusable: if it has another schema, or is no file.
    """
    database = mlflow.store.db.utils
    path = sqlite_path(mlflow, uri)
    if path is not None and path.exists() and not path.is_file():
        raise StoreUnusable(f"the database {shown(uri)} is not a file")
    if path is not None and not path.exists():
        _keep_journals_aside(path)
        _create_sqlite(mlflow, path, artifact_root or path.parent / "mlartifacts")
    engine = database.create_sqlalchemy_engine(uri)
    try:
        if database._is_empty_database(engine):
            database._safe_initialize_tables(engine)
        else:
            _check_schema(database, engine, uri)
    finally:
        engine.dispose()


def sqlite_path(mlflow: Any, uri: str) -> Path | None:
    """Return the file of an SQLite URI, None for any other."""
    url = mlflow.store.db.utils.sqlalchemy.engine.make_url(uri)
    return Path(url.database).absolute() if url.get_backend_name() == "sqlite" and url.database else None


def forget_sqlite(mlflow: Any, uri: str) -> None:
    """Close MLflow's own connections to an SQLite database, whose file is another one from now on."""
    stores = mlflow.store
    for kind in (stores.tracking.sqlalchemy_store, stores.model_registry.sqlalchemy_store):
        engine = kind.SqlAlchemyStore._engine_map.get(uri)
        if engine is not None:
            engine.dispose()


def _create_sqlite(mlflow: Any, path: Path, artifact_root: Path) -> None:
    """Create a database in a folder of its own, then give it its name, unless another process was faster."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stores = mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore
    with scratch_folder(path.parent, f".{path.name}.new-") as folder:
        draft = folder / path.name
        draft.touch()  # by itself SQLite would give a group no right to write
        uri = f"sqlite:///{draft}"
        try:
            stores(uri, artifact_root.absolute().as_uri()).engine.dispose()
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            stores._engine_map.pop(uri, None)


def _keep_journals_aside(path: Path) -> None:
    """Rename the journals of a database that was deleted: SQLite would play them back into the new one."""
    for journal in JOURNALS:
        old = path.with_name(path.name + journal)
        if old.exists():
            old.rename(old.with_name(f"{old.name}.old-{time.time_ns()}"))


def _check_schema(database: Any, engine: Any, uri: str) -> None:
    """Refuse a database of another version of MLflow, or of another program."""
    found, needed = database._get_schema_version(engine), database._get_latest_schema_revision()
    if found == needed:
        if not database._all_tables_exist(engine):
            raise StoreUnusable(f"the database {shown(uri)} has lost tables")
        return
    script = database.ScriptDirectory.from_config(database._get_alembic_config(db_url=""))
    known = {revision.revision for revision in script.walk_revisions()}
    if found in known:
        raise StoreUnusable(
            f"the database {shown(uri)} was written by an older MLflow; back it up and migrate it with: "
            f"mlflow db upgrade {shown(uri)}"
        )
    raise StoreUnusable(
        f"the database {shown(uri)} was written by a newer MLflow, or is none of MLflow's (schema {found}, "
        f"needed {needed}); install the MLflow that wrote it or name another database"
    )
