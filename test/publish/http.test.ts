import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
  request,
} from "node:http";
import { request as requestTls } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { KeyholeError } from "../../src/errors.js";
import { type HttpOptions, HttpServer } from "../../src/publish/http.js";
import { healthRoute, metricsRoute, readyRoute } from "../../src/publish/routes.js";
import { sources } from "./fixtures/sources.js";

const TOKEN = "correct-horse-battery-staple";
let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), "keyhole-http-"));
  writeFileSync(join(dir, "token"), `${TOKEN}\n`);
});
after(() => rmSync(dir, { recursive: true }));

const secret = {
  path: "/v1/secret",
  open: false,
  title: "something that needs the token",
  handle: () => ({ status: 200, type: "text/plain", body: "secret" }),
};

async function serve(context: TestContext, options: Partial<HttpOptions> = {}): Promise<number> {
  const server = new HttpServer({
    listen: { host: "127.0.0.1", port: 0 },
    tls: { cert: null, key: null },
    token_file: null,
    routes: [
      metricsRoute(sources()),
      healthRoute(() => performance.now()),
      readyRoute(() => [{ name: "attach", ok: true, detail: "4 programs" }]),
      secret,
    ],
    upgrades: [],
    ...options,
  });
  const { port } = await server.start();
  context.after(() => server.close());
  return port;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Send = (options: RequestOptions, done: (response: IncomingMessage) => void) => ClientRequest;

function get(
  port: number,
  path: string,
  options: RequestOptions = {},
  send: Send = request,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = send({ host: "127.0.0.1", port, path, agent: false, ...options }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    outgoing.on("error", reject).end();
  });
}

test("metrics, health and readiness answer; the landing page names them", async (context) => {
  const port = await serve(context);
  const metrics = await get(port, "/metrics");
  assert.equal(metrics.status, 200);
  assert.equal(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  const check = spawnSync("promtool", ["check", "metrics"], { input: metrics.body, encoding: "utf8" });
  assert.equal(`${check.status}${check.stdout}${check.stderr}`, "0");
  assert.equal((await get(port, "/healthz")).status, 200);
  const ready = await get(port, "/readyz?verbose");
  assert.equal(ready.status, 200);
  assert.deepEqual(JSON.parse(ready.body), {
    ready: true,
    checks: [{ name: "attach", ok: true, detail: "4 programs" }],
  });
  const landing = await get(port, "/");
  assert.match(landing.headers["content-type"]!, /^text\/plain/);
  for (const path of ["/metrics", "/healthz", "/readyz", "/v1/secret"])
    assert.ok(landing.body.includes(path));
});

test("healthz fails when the drain loop has not turned for 10 s, readyz when a check fails", async (context) => {
  let silence = 9_000;
  const port = await serve(context, {
    routes: [
      healthRoute(() => performance.now() - silence),
      readyRoute(() => [
        { name: "attach", ok: true, detail: "" },
        { name: "inventory", ok: false, detail: "not taken yet" },
      ]),
    ],
  });
  assert.equal((await get(port, "/healthz")).status, 200);
  silence = 11_000;
  const health = await get(port, "/healthz");
  assert.equal(health.status, 503);
  assert.equal(JSON.parse(health.body).ok, false);
  const ready = await get(port, "/readyz");
  assert.equal(ready.status, 503);
  assert.equal(JSON.parse(ready.body).ready, false);
});

test("HEAD has no body, other methods are refused, other paths are not found", async (context) => {
  const port = await serve(context);
  const head = await get(port, "/healthz", { method: "HEAD" });
  assert.deepEqual([head.status, head.body], [200, ""]);
  const post = await get(port, "/metrics", { method: "POST" });
  assert.deepEqual([post.status, post.headers.allow], [405, "GET, HEAD"]);
  for (const path of ["/nothing", "/metrics/", "//metrics", "/metrics%00"]) {
    const { status, headers, body } = await get(port, path);
    assert.equal(status, 404, path);
    assert.match(headers["content-type"]!, /^application\/json/);
    assert.equal(JSON.parse(body).error, "not found");
  }
});

test("a name that an attacker could point here is refused, this host's own names are not", async (context) => {
  const port = await serve(context, { names: ["worker-1"] });
  const status = async (host: string) => (await get(port, "/metrics", { headers: { host } })).status;
  for (const host of [
    `localhost:${port}`,
    "127.0.0.1",
    "[::1]:1",
    "10.0.0.5:9917",
    "a.localhost",
    "Worker-1:80",
  ]) {
    assert.equal(await status(host), 200, host);
  }
  for (const host of [
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example:9917",
    "worker-1.evil",
    "x y",
  ]) {
    assert.equal(await status(host), 403, host);
  }
});

test("beyond loopback the open paths answer to any name, the others do not", async (context) => {
  const port = await serve(context, { listen: { host: "0.0.0.0", port: 0 } });
  const headers = { host: "keyhole.monitoring.svc:9917" };
  assert.equal((await get(port, "/metrics", { headers })).status, 200);
  assert.equal((await get(port, "/v1/secret", { headers })).status, 403);
});

test("with a token all but metrics, health and the landing page need it", async (context) => {
  const port = await serve(context, { token_file: join(dir, "token") });
  const status = async (path: string, authorization?: string, host = "localhost") =>
    (await get(port, path, { headers: { host, ...(authorization && { authorization }) } })).status;
  for (const path of ["/metrics", "/healthz", "/readyz", "/"]) assert.equal(await status(path), 200, path);
  for (const path of ["/v1/secret", "/nothing"]) assert.equal(await status(path), 401, path);
  for (const wrong of ["Bearer", `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`, TOKEN]) {
    assert.equal(await status("/v1/secret", wrong), 401, wrong);
  }
  assert.equal(await status("/v1/secret", `Bearer ${TOKEN}`), 200);
  assert.equal(await status("/v1/secret", `bearer ${TOKEN}`, "any.name.example"), 200);
  const refused = await get(port, "/v1/secret");
  assert.equal(refused.headers["www-authenticate"], "Bearer");
  assert.doesNotMatch(refused.body, new RegExp(TOKEN));
});

test("an unusable token file stops the start and says why", async (context) => {
  writeFileSync(join(dir, "short"), "abc\n");
  for (const [file, found] of [
    ["none", "ENOENT"],
    ["short", "3 characters"],
  ] as const) {
    await assert.rejects(serve(context, { token_file: join(dir, file) }), (error: unknown) => {
      assert.ok(error instanceof KeyholeError);
      assert.deepEqual([error.code, error.found], ["KEYHOLE_TOKEN", found]);
      return true;
    });
  }
});

test("a port in use is an error that says what to do", async (context) => {
  const port = await serve(context);
  await assert.rejects(serve(context, { listen: { host: "127.0.0.1", port } }), (error: unknown) => {
    assert.ok(error instanceof KeyholeError);
    assert.equal(error.code, "KEYHOLE_LISTEN");
    assert.equal(error.found, "EADDRINUSE");
    assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}`));
    assert.match(error.hint!, /--listen/);
    return true;
  });
});

test("with a certificate it speaks TLS and nothing else", async (context) => {
  const [cert, key] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"],
    ...["-subj", "/CN=localhost", "-keyout", key, "-out", cert],
  ]);
  assert.equal(made.status, 0, String(made.stderr));
  const port = await serve(context, { tls: { cert, key } });
  const send: Send = (options, done) => requestTls({ ...options, rejectUnauthorized: false }, done);
  assert.equal((await get(port, "/healthz", {}, send)).status, 200);
  await assert.rejects(get(port, "/healthz"));
  await assert.rejects(serve(context, { tls: { cert: key, key } }), { code: "KEYHOLE_TLS" });
});

test("a request that is none is answered and ended; it does not end the server", async (context) => {
  const port = await serve(context);
  for (const text of [
    "nonsense\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET http://evil.example/ HTTP/1.0\r\n\r\n",
  ]) {
    const answer = await new Promise<string>((resolve, reject) => {
      let got = "";
      const socket = connect(port, "127.0.0.1", () => socket.write(text));
      socket.on("data", (chunk) => {
        got += chunk;
      });
      socket.on("close", () => resolve(got)).on("error", reject);
    });
    assert.match(answer, /^HTTP\/1\.1 400 /, text);
  }
  assert.equal((await get(port, "/healthz")).status, 200);
});

test("close ends connections that are open", async () => {
  const server = new HttpServer({
    listen: { host: "127.0.0.1", port: 0 },
    tls: { cert: null, key: null },
    token_file: null,
    routes: [],
    upgrades: [],
  });
  const { port } = await server.start();
  const ended = new Promise<void>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n");
      setImmediate(() => server.close().catch(reject));
    });
    socket.on("close", () => resolve()).on("error", () => {});
  });
  await ended;
  await assert.rejects(get(port, "/"), { code: "ECONNREFUSED" });
});
