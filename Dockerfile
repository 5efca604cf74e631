# syntax=docker/dockerfile:1
# docker build --tag keyhole:0.1.0 .
# docker run --pid=host --cap-drop=ALL --cap-add={BPF,PERFMON,SYS_PTRACE} --security-opt apparmor=unconfined keyhole:0.1.0

FROM node:24-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev binutils libbpf-dev libelf-dev zlib1g-dev
WORKDIR /src
COPY package.json package-lock.json ./
COPY packages/libbpf/package.json packages/libbpf/
COPY packages/libbpf-linux-x64/package.json packages/libbpf-linux-x64/
COPY packages/libbpf-linux-arm64/package.json packages/libbpf-linux-arm64/
RUN npm ci --ignore-scripts
COPY tsconfig.base.json tsconfig.json ./
COPY packages packages
COPY scripts/bundle.js scripts/
COPY src src
RUN npm run build
# libbpf with libelf and zlib in it, so that the last stage needs no package of its distribution.
RUN node packages/libbpf/scripts/build-platform.js
# Production dependencies, without types and without what is for other processors. TypeScript is an optional peer of
# valibot: npm keeps it because it was there.
RUN npm ci --omit=dev --ignore-scripts \
 && rm -rf node_modules/typescript node_modules/@typescript \
 && rm -rf packages/libbpf/src packages/libbpf/scripts packages/libbpf/tsconfig.json \
 && find packages -mindepth 1 -maxdepth 1 -name 'libbpf-linux-*' ! -name "*-$(node -p process.arch)" -exec rm -r {} + \
 && find node_modules -xtype l -delete \
 && find dist packages node_modules -name '*.d.*ts' -o -name '*.map' -o -name '*.tsbuildinfo' | xargs rm
# The compiled programs with their source: the GPL wants them together.
COPY bpf bpf
RUN find bpf -mindepth 1 -type d ! -name "$(node -p process.arch)" -exec rm -r {} +

FROM gcr.io/distroless/nodejs24-debian12
LABEL org.opencontainers.image.title="keyhole" \
      org.opencontainers.image.description="eBPF agent for Linux container hosts: namespace crossings, mount changes and procfs exposures, live" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-2.0-only"
ENV NODE_ENV=production
WORKDIR /app
COPY LICENSE NOTICE package.json ./
COPY LICENSES LICENSES
COPY --from=build /src/packages packages
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/bpf bpf
COPY --from=build /src/dist dist
COPY --from=build /src/src/exposures/catalogue src/exposures/catalogue
COPY --from=build /src/src/exposures/rules/*.yaml src/exposures/rules/
# Capabilities reach a process by execve(2) only when it is root: another user would start without CAP_BPF.
USER 0:0
EXPOSE 9917
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=2", "dist/keyhole.js"]
CMD ["run"]
