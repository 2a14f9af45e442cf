# Build:  docker build -t attune-webhooks .
# Run:    docker run --name webhooks -p 8080:8080 -v attune-data:/data --read-only --stop-timeout 30 attune-webhooks
# Manage: docker exec webhooks attune-webhooks trigger create --help

FROM node:24.11.1-bookworm-slim AS build
WORKDIR /build
RUN npm install --global bun@1.4.5

# The packages change less often than the sources, so they are a layer of their own.
COPY package.json bun.lock ./
COPY deploy/patches deploy/patches
RUN bun install --frozen-lockfile
COPY . .
RUN bun run build

# The root of the image: the executable, the libraries it is linked to, and what they read of /etc. An executable
# that was built against glibc needs nothing else, so no distribution is below it, and no shell is in it.
RUN mkdir -p /image/usr/local/bin /image/etc /data \
 && cp LICENSE /image/ \
 && cp dist/attune-webhooks /image/usr/local/bin/ \
 && ldd dist/attune-webhooks | grep -o '/[^ ]*' | xargs cp --dereference --parents --target-directory=/image \
 && echo 'hosts: files dns' > /image/etc/nsswitch.conf \
 && echo 'attune:x:65532:65532::/data:/sbin/nologin' > /image/etc/passwd \
 && echo 'attune:x:65532:' > /image/etc/group

FROM scratch
COPY --from=build /image /
COPY --from=build --chown=65532:65532 --chmod=0700 /data /data
USER 65532:65532
WORKDIR /data
ENV ATTUNE_DATA_DIR=/data
VOLUME /data

# The receiver alone. The admin API stays on 127.0.0.1 of the container, where `docker exec` reaches it; the
# executable is its own client.
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["/usr/local/bin/attune-webhooks", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/attune-webhooks"]
CMD ["serve"]
