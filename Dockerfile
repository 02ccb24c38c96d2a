# Three stages: GraphiQL by npm, the package by pip, and an image of Python with what they made.
# .ci/image runs every RUN step in an empty folder and serves what comes of it.

FROM node:24-slim AS ui
WORKDIR /src
COPY ui/package.json ui/package-lock.json ui/.npmrc ui/
RUN npm --prefix ui ci --no-audit --no-fund --loglevel error
COPY ui ui
RUN npm --prefix ui run --silent build

FROM python:3.13-slim-trixie AS package
WORKDIR /src
# The tools, by the same hashes as everywhere; they stay in this stage.
COPY requirements.lock .
RUN python3 -m venv /build && /build/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
# What Kurz needs, where it will lie in the image. No compiler is there, so only wheels will do.
COPY requirements-server.lock .
RUN python3 -m venv --without-pip /opt/kurz && /build/bin/python -m pip --python /opt/kurz/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r requirements-server.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY server server
COPY graph graph
COPY redirect redirect
COPY recording recording
COPY models models
COPY migrations migrations
COPY --from=ui /src/server/graphiql_files server/graphiql_files
RUN KURZ_BUILD_UI=require /build/bin/python -m hatchling build --target wheel --directory /dist && /build/bin/python -m pip --python /opt/kurz/bin/python install --no-cache-dir --no-deps --no-index /dist/*.whl
RUN mkdir /data

FROM python:3.13-slim-trixie
COPY --from=package /opt/kurz /opt/kurz
COPY --from=package --chown=10001:10001 /data /data
ENV PATH=/opt/kurz/bin:$PATH HOME=/data KURZ_DATA_DIR=/data KURZ_HOST=0.0.0.0 KURZ_PORT=8000
WORKDIR /data
VOLUME /data
EXPOSE 8000
# A number: the image needs no entry in /etc/passwd, and an orchestrator can see that it is not root.
USER 10001:10001
# Alive, not ready: to start Kurz again does not bring a database back.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python3", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['KURZ_PORT'] + '/healthz', timeout=2)"]
ENTRYPOINT ["kurz"]
CMD ["serve"]
