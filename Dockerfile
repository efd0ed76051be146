# The image of web, worker, beat and manage.py; docs/operating.md says how to run it.
ARG PYTHON=python:3.13-slim-trixie

FROM ${PYTHON} AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements-production.txt /
# Wheels alone: nothing is compiled, so that no compiler is needed, not even here.
RUN python -m venv --without-pip /opt/packages \
    && python -m pip --python /opt/packages/bin/python install --only-binary :all: \
       --requirement /requirements-production.txt

FROM packages AS project
COPY . /opt/pelcro-orders
WORKDIR /opt/pelcro-orders
# The key is for this command alone, which needs none but would not start.
RUN SECRET_KEY=collects-static-files-0123456789-abcdefghijklmnopqrstuvwxyz STATIC_ROOT=/opt/static \
    /opt/packages/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && /opt/packages/bin/python -m compileall -q /opt/pelcro-orders

FROM ${PYTHON}
RUN python -m pip uninstall --yes pip \
    && rm -rf /usr/local/lib/python3.*/ensurepip \
    && groupadd --gid 10001 pelcro-orders \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /nonexistent pelcro-orders \
    && install --directory --owner=pelcro-orders --group=pelcro-orders --mode=700 /var/lib/pelcro-orders
COPY --from=packages /opt/packages /opt/packages
COPY --from=project /opt/static /opt/static
COPY --from=project /opt/pelcro-orders /opt/pelcro-orders
# What System and metrics call it: --build-arg RELEASE=1.2.0
ARG RELEASE
ENV RELEASE=$RELEASE
ENV PATH=/opt/packages/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    VAR_DIR=/var/lib/pelcro-orders STATIC_ROOT=/opt/static
WORKDIR /opt/pelcro-orders
USER 10001:10001
EXPOSE 8000
# Whether this process answers, and nothing of what it is connected to: else Redis away would take down every page.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", \
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
# Only a container's network reaches this; which proxies are believed says FORWARDED_ALLOW_IPS.
CMD ["gunicorn", "--config", "python:pelcro_orders.web_server", "--bind", "0.0.0.0:8000"]
