# One image for everything that is Python: scheduler, workers, coordinator, MLflow's server and its migration.
# The install steps are run by tests/deploy/test_dockerfile.py in a clean virtual environment.
ARG PYTHON=3.11.13-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /source
RUN python -m venv /opt/refold
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY trainer ./trainer
COPY tracking ./tracking
COPY sweeps ./sweeps
COPY refold ./refold
RUN /opt/refold/bin/pip install --no-cache-dir -c constraints.txt ".[postgresql,server]"

# CUDA's libraries come as packages that TensorFlow itself pins.
FROM build AS build-gpu
RUN /opt/refold/bin/pip install --no-cache-dir -c constraints.txt "tensorflow[and-cuda]"

FROM python:${PYTHON} AS base
# The folders that volumes are mounted on: a new volume takes over who owns them.
RUN useradd --uid 10001 --create-home refold \
    && mkdir -p /home/refold/runs /certificates /worker /server /sweeps \
    && chown -R refold:refold /home/refold /certificates /worker /server
ENV PATH=/opt/refold/bin:$PATH PYTHONUNBUFFERED=1 MLFLOW_DISABLE_TELEMETRY=true
USER refold
WORKDIR /home/refold
CMD ["refold", "--help"]

FROM base AS gpu
COPY --from=build-gpu /opt/refold /opt/refold

FROM base AS refold
COPY --from=build /opt/refold /opt/refold
