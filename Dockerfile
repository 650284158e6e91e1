# The command line in a container: docker build -t pixxel-async .
# Debian, since pycurl has no wheels for musl; with its own Python, which is smaller than python:slim.
FROM debian:trixie-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends python3 python3-venv
COPY pyproject.toml README.md LICENSE /src/
COPY pixxel_async /src/pixxel_async
RUN python3 -m venv /opt/pixxel-async \
    && /opt/pixxel-async/bin/pip install --no-cache-dir --no-compile /src \
    && /opt/pixxel-async/bin/pip uninstall --yes pip

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && find /usr/lib/python3* -name __pycache__ -prune -exec rm -r {} + \
    && useradd --uid 10001 --no-create-home --home-dir /data pixxel \
    && install --directory --owner pixxel --group pixxel --mode 0700 /data
COPY --from=build /opt/pixxel-async /opt/pixxel-async
ENV PATH=/opt/pixxel-async/bin:$PATH PYTHONUNBUFFERED=1
# Bytecode of what the commands import, and of nothing else: a start takes 0.7 s, not 2 s.
RUN pixxel-async export --help > /dev/null \
    && python3 -c 'import pixxel_async.client, pixxel_async.http.libcurl'
USER 10001:10001
WORKDIR /data
# PID 1 is the command itself (the exec form), which handles SIGTERM.
STOPSIGNAL SIGTERM
ENTRYPOINT ["pixxel-async"]
CMD ["--help"]
