"""The compose file: valid, consistent, and each of its services run from it on this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import compose
from tests.cluster import await_true
from tests.compose import FILE, SECRETS, Stack, network
from tests.postgresql import _program, _user

PROGRAMS = Path(sys.executable).parent


def example() -> dict[str, str]:
    """Return what .env.example says."""
    lines = (FILE.parent / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class TestFile:
    """What can be said of the file without running any of it."""

    def test_it_is_a_compose_file(self, tmp_path: Path) -> None:
        """By the specification's schema, anchors resolved; a misspelt key would not pass."""
        resolved, wrong = tmp_path / "compose.json", tmp_path / "wrong.json"
        resolved.write_text(json.dumps(compose.raw()))
        misspelt = compose.raw()
        misspelt["services"]["worker"]["depend_on"] = misspelt["services"]["worker"].pop("depends_on")
        wrong.write_text(json.dumps(misspelt))
        schema = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
        done = subprocess.run([*schema, str(resolved)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert subprocess.run([*schema, str(wrong)], capture_output=True, check=False).returncode == 1

    def test_what_it_refers_to_is_there(self) -> None:
        """Services, volumes, configurations, build stages; who is waited for to be healthy has a check."""
        file = compose.raw()
        services = file["services"]
        stages = re.findall(r"^FROM .* AS (\S+)$", (FILE.parent / "Dockerfile").read_text(), re.MULTILINE)
        for name, service in services.items():
            for other, how in service.get("depends_on", {}).items():
                assert other in services, (name, other)
                if how["condition"] == "service_healthy":
                    assert "healthcheck" in services[other], (name, other)
                if how["condition"] == "service_completed_successfully":
                    assert services[other]["restart"] in ("no", "on-failure:20"), (name, other)
            for volume in service.get("volumes", []):
                source = volume.partition(":")[0]
                assert source in file["volumes"] or source[0] in "/.$", (name, volume)
            for config in service.get("configs", []):
                assert config["source"] in file["configs"]
            if "build" in service:
                assert service["build"]["target"] in stages
        used = {v.partition(":")[0] for s in services.values() for v in s.get("volumes", [])}
        assert set(file["volumes"]) <= used

    def test_every_variable_is_in_the_example_and_the_reverse(self) -> None:
        """So nobody has to search for what can be set."""
        used = set(re.findall(r"(?<!\$)\$\{(\w+)", FILE.read_text()))
        assert used == set(example())

    def test_nothing_starts_with_a_default_password(self) -> None:
        """The example has none; without PostgreSQL's nothing starts at all."""
        assert [example()[name] for name in SECRETS] == [""] * len(SECRETS)
        with pytest.raises(KeyError, match=r"POSTGRES_PASSWORD: set it in \.env"):
            compose.compose(example())

    def test_only_loopback_is_published_and_nobody_is_root(self) -> None:
        """Images are pinned; capabilities are dropped wherever the image is ours."""
        for name, service in compose.raw()["services"].items():
            for port in service.get("ports", []):
                assert port.startswith("127.0.0.1:"), name
            assert re.search(r":\d+\.\d+", service["image"]), name
            if service["image"].startswith("refold"):
                assert service["cap_drop"] == ["ALL"]
        assert re.search(r"^USER refold$", (FILE.parent / "Dockerfile").read_text(), re.MULTILINE)


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The services, with the profiles that the test asks for."""
    variables = {**example(), **SECRETS, "COMPOSE_PROFILES": request.param}
    file = compose.compose(variables)
    folder = Path(tempfile.mkdtemp(prefix="refold-stack-"))  # pytest's are closed to PostgreSQL's user
    folder.chmod(0o711)
    with network(list(file["services"])) as namespace:
        made = Stack(file["services"], file["configs"], namespace, folder, PROGRAMS)
        made.lay_out()
        try:
            yield made
        finally:
            made.end()
            shutil.rmtree(folder)


def start_postgres(stack: Stack) -> None:
    """Do what the image's entry point does: make the user, the database and the password, then serve."""
    environment = stack.services["postgres"]["environment"]
    data = stack.volume("/var/lib/postgresql/data")
    data.chmod(0o700)
    password = stack.folder / "password"
    password.write_text(environment["POSTGRES_PASSWORD"])
    password.chmod(0o644)
    user = _user()
    if user:
        os.chown(data, *pid_and_group(user))
    initdb = [str(_program("initdb")), "-D", str(data), "-U", environment["POSTGRES_USER"], "-E", "UTF8"]
    subprocess.run(
        [*initdb, "-A", "scram-sha-256", f"--pwfile={password}"], check=True, capture_output=True, **user
    )
    prefix = ["setpriv", "--reuid", user["user"], "--clear-groups"] if user else []
    with stack.log("postgres").open("ab") as log:
        stack.processes["postgres"] = subprocess.Popen(
            stack.within([*prefix, str(_program("postgres")), "-D", str(data), "-k", str(data)]),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    psql = [str(_program("psql")), "-h", "127.0.0.1", "-U", environment["POSTGRES_USER"], "postgres"]
    create = [*stack.within(psql), "-c", f"CREATE DATABASE {environment['POSTGRES_DB']}"]
    known = {**os.environ, "PGPASSWORD": environment["POSTGRES_PASSWORD"]}

    def made() -> bool:
        return subprocess.run(create, env=known, capture_output=True, check=False).returncode == 0

    try:
        await_true(made, 60, "PostgreSQL")
    except AssertionError:
        raise AssertionError(stack.log("postgres").read_text()) from None


def pid_and_group(user: dict[str, Any]) -> tuple[int, int]:
    """Return the ids of whom PostgreSQL runs as."""
    import pwd

    return pwd.getpwnam(user["user"]).pw_uid, user["group"]


def start_mlflow(stack: Stack) -> None:
    """Database, migration and server, in the file's order, each by the file's condition."""
    start_postgres(stack)
    assert stack.healthy("postgres")
    done = stack.run("migrate")
    assert done.returncode == 0, done.stderr
    stack.start("mlflow")
    await_true(lambda: stack.healthy("mlflow"), 240, "MLflow")


def ask(stack: Stack, path: str, *, host: str = "mlflow:5000", user: str = "") -> int:
    """Return the status that MLflow answers with."""
    curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Host: {host}"]
    curl += ["-u", user] if user else []
    done = subprocess.run(
        stack.within([*curl, f"http://127.0.0.1:5000{path}"]), capture_output=True, text=True, check=True
    )
    return int(done.stdout)


SEARCH = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default"

SWEEP = """
name = "tiny"
trials = 1
[dataset]
source = "digits"
samples = 200
[cv]
folds = 2
epochs = 2
[architectures.lenet]
"""


@pytest.mark.slow
@pytest.mark.parametrize("stack", ["auth"], indirect=True)
def test_a_sweep_runs_on_the_stack(stack: Stack) -> None:
    """Certificates, scheduler, worker, MLflow with passwords, the one-off command; then MLflow has all."""
    start_mlflow(stack)
    assert ask(stack, SEARCH) == 401
    admin = f"admin:{SECRETS['MLFLOW_ADMIN_PASSWORD']}"
    assert ask(stack, SEARCH, user=admin) == 200
    assert ask(stack, SEARCH, user=admin, host="evil.example") == 403
    for _ in range(2):  # the one-shot runs again with every 'up'
        done = stack.run("certificates")
        assert done.returncode == 0, done.stderr
    assert not stack.healthy("scheduler")
    stack.start("scheduler")
    await_true(lambda: stack.healthy("scheduler"), 60, "the scheduler")
    stack.start("worker")
    (stack.volume("/sweeps") / "x.toml").write_text(SWEEP)
    done = stack.run("refold", "run", "/sweeps/x.toml", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["finished"]
    assert "warning" not in done.stderr
    assert ask(stack, SEARCH.replace("Default", "tiny"), user=admin) == 200
    assert (stack.volume("/home/refold") / "runs" / "ledger.sqlite").exists()
    assert list((stack.volume("/server") / "artifacts").rglob("learning_curves.png"))


@pytest.mark.slow
@pytest.mark.parametrize("stack", ["s3"], indirect=True)
def test_artifacts_go_to_the_store(stack: Stack) -> None:
    """Another S3 server stands in for the store's image, whose program is not to be had here."""
    keys = stack.run("s3-keys")
    assert keys.returncode == 0
    assert without_keys(stack) != 0
    with stack.log("s3").open("ab") as log:
        stack.processes["s3"] = subprocess.Popen(
            stack.within([sys.executable, "-m", "moto.server", "-p", "9000"]),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    await_true(lambda: stack.run("bucket").returncode == 0, 120, "the bucket")
    assert stack.run("bucket").returncode == 0
    start_mlflow(stack)
    assert ask(stack, SEARCH) == 200
    script = (
        "import mlflow; client = mlflow.MlflowClient('http://mlflow:5000')\n"
        "run = client.create_run(client.create_experiment('x')).info\n"
        "client.log_text(run.run_id, 'kept', 'note.txt'); print(run.artifact_uri)\n"
        "import boto3; store = boto3.client('s3', endpoint_url='http://s3:9000', region_name='us-east-1')\n"
        "(found,) = store.list_objects_v2(Bucket='mlflow')['Contents']; print(found['Key'])"
    )
    done = subprocess.run(
        stack.within([sys.executable, "-c", script]),
        env=stack.environment("bucket"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "note.txt" in done.stdout
    assert "mlflow-artifacts:/" in done.stdout


def without_keys(stack: Stack) -> int:
    """Return what becomes of the store's keys when .env has none."""
    environment = {**stack.environment("s3-keys"), "AWS_ACCESS_KEY_ID": ""}
    return subprocess.run(stack.command("s3-keys"), env=environment, check=False).returncode
