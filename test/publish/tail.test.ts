import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import WebSocket, { type ClientOptions } from "ws";
import type { LostEvent, SyscallEvent } from "../../src/event.js";
import { type HttpOptions, HttpServer } from "../../src/publish/http.js";
import { Publisher } from "../../src/publish/publisher.js";
import { Tail } from "../../src/publish/tail.js";
import { setns } from "./fixtures/events.js";

const TOKEN = "correct-horse-battery-staple";
let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), "keyhole-tail-"));
  writeFileSync(join(dir, "token"), TOKEN);
});
after(() => rmSync(dir, { recursive: true }));

interface Setup {
  readonly publisher: Publisher;
  readonly tail: Tail;
  readonly server: HttpServer;
  readonly url: string;
  readonly port: number;
}

async function setUp(
  context: TestContext,
  recent?: number,
  options: Partial<HttpOptions> = {},
): Promise<Setup> {
  const tail = new Tail(recent === undefined ? {} : { recent });
  const publisher = new Publisher({ node: "n" });
  publisher.addSink(tail);
  const server = new HttpServer({
    listen: { host: "127.0.0.1", port: 0 },
    tls: { cert: null, key: null },
    token_file: null,
    routes: [],
    upgrades: [tail],
    ...options,
  });
  const { port } = await server.start();
  context.after(async () => {
    await publisher.close();
    await server.close();
  });
  return { publisher, tail, server, port, url: `ws://127.0.0.1:${port}/v1/events` };
}

type Message = SyscallEvent | LostEvent;

/** A client that keeps what it gets; `until` resolves when that satisfies a condition. */
class Client {
  readonly socket: WebSocket;
  readonly messages: Message[] = [];
  #check = (): void => {};

  constructor(url: string, protocols: string[] = [], options: ClientOptions = {}) {
    this.socket = new WebSocket(url, protocols, options);
    this.socket.on("message", (data, isBinary) => {
      assert.equal(isBinary, false);
      this.messages.push(JSON.parse(data.toString()) as Message);
      this.#check();
    });
  }

  static async open(context: TestContext, ...args: ConstructorParameters<typeof Client>): Promise<Client> {
    const client = new Client(...args);
    context.after(() => client.socket.terminate());
    await once(client.socket, "open");
    return client;
  }

  until(condition: (messages: readonly Message[]) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#check = () => {
        if (condition(this.messages)) resolve();
      };
      this.#check();
    });
  }
}

/** The HTTP status that a refused upgrade gets. */
async function refusal(url: string, protocols: string[] = [], options: ClientOptions = {}): Promise<number> {
  const socket = new WebSocket(url, protocols, options);
  const [, response] = await once(socket, "unexpected-response");
  socket.on("error", () => {});
  socket.terminate();
  return response.statusCode;
}

const numbers = (messages: readonly Message[]) => messages.map(({ seq }) => seq);

test("every client gets every event from now on, the very object that was published", async (context) => {
  const { publisher, tail, url } = await setUp(context);
  publisher.publish(setns());
  const clients = [await Client.open(context, url), await Client.open(context, url)];
  const event = publisher.publish(setns());
  for (const client of clients) {
    await client.until(({ length }) => length === 1);
    assert.deepEqual(client.messages, [JSON.parse(JSON.stringify(event))]);
  }
  assert.equal(tail.clients, 2);
  clients[0]!.socket.close();
  await once(clients[0]!.socket, "close");
  publisher.publish(setns());
  await clients[1]!.until(({ length }) => length === 2);
  assert.equal(tail.clients, 1);
});

test("?since resumes without a gap while the events are kept", async (context) => {
  const { publisher, url } = await setUp(context, 10);
  for (let count = 0; count < 15; count++) publisher.publish(setns());
  const client = await Client.open(context, `${url}?since=5`);
  publisher.publish(setns());
  await client.until((messages) => messages.at(-1)?.seq === 16);
  assert.deepEqual(numbers(client.messages), [6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
});

test("?since says how many events are gone", async (context) => {
  const { publisher, url } = await setUp(context, 10);
  for (let count = 0; count < 25; count++) publisher.publish(setns());
  const client = await Client.open(context, `${url}?since=3`);
  await client.until((messages) => messages.at(-1)?.seq === 25);
  const [lost, ...events] = client.messages;
  assert.equal(lost?.type, "lost");
  assert.deepEqual(
    [(lost as LostEvent).reason, (lost as LostEvent).count, lost?.seq],
    ["resume-gap", 12, 15],
  );
  assert.deepEqual(numbers(events), [16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
});

test("where none are kept, a client gets what comes while it is there, and is told of what came before", async (context) => {
  const { publisher, url } = await setUp(context, 0);
  for (let count = 0; count < 5; count++) publisher.publish(setns());
  const client = await Client.open(context, `${url}?since=2`);
  publisher.publish(setns());
  publisher.publish(setns());
  await client.until((messages) => messages.at(-1)?.seq === 7);
  const [lost, ...events] = client.messages;
  assert.deepEqual(
    [lost?.type, (lost as LostEvent).reason, (lost as LostEvent).count, lost?.seq],
    ["lost", "resume-gap", 3, 5],
  );
  assert.deepEqual(numbers(events), [6, 7]);
});

test("?since of a number that was never given out means that the agent has restarted", async (context) => {
  const { publisher, url } = await setUp(context, 10);
  for (let count = 0; count < 25; count++) publisher.publish(setns());
  const client = await Client.open(context, `${url}?since=9000`);
  await client.until((messages) => messages.at(-1)?.seq === 25);
  const lost = client.messages[0] as LostEvent;
  assert.deepEqual([lost.type, lost.reason, lost.count], ["lost", "agent-restarted", 15]);
  assert.equal(client.messages.length, 11);
});

test("?since of the newest event sends nothing again; of what is no number it is refused", async (context) => {
  const { publisher, url } = await setUp(context);
  publisher.publish(setns());
  const client = await Client.open(context, `${url}?since=1`);
  publisher.publish(setns());
  await client.until(({ length }) => length === 1);
  assert.deepEqual(numbers(client.messages), [2]);
  for (const since of ["-1", "x", "1e3", "", "9".repeat(16)])
    assert.equal(await refusal(`${url}?since=${since}`), 400);
});

test("a client that stops reading misses events, is told how many, and others miss none", async (context) => {
  const { publisher, tail, url } = await setUp(context, 20);
  const slow = await Client.open(context, url);
  const quick = await Client.open(context, url);
  slow.socket.pause();
  // 64 MiB: more than both socket buffers, the queue of the client and the recent events hold.
  const big = "x".repeat(256 * 1024);
  for (let round = 1; round <= 256; round++) {
    publisher.publish(setns({ args: { data: big } }));
    if (round % 8 === 0) await quick.until((messages) => messages.length === round);
  }
  assert.equal(quick.messages.length, 256);
  slow.socket.resume();
  await slow.until((messages) => messages.at(-1)?.seq === 256);
  const losses = slow.messages.filter((message): message is LostEvent => message.type === "lost");
  assert.ok(losses.length > 0);
  assert.ok(losses.every(({ reason }) => reason === "client-queue"));
  const lost = losses.reduce((sum, { count }) => sum + count, 0);
  assert.equal(slow.messages.length - losses.length + lost, 256);
  assert.equal(tail.dropped, lost);
  let seq = 0;
  for (const message of slow.messages) {
    seq += message.type === "lost" ? message.count : 1;
    assert.equal(message.seq, seq);
  }
});

test("beyond 64 clients the next is refused, until one leaves", async (context) => {
  const { url } = await setUp(context);
  const clients = [];
  for (let count = 0; count < 64; count++) clients.push(await Client.open(context, url));
  assert.equal(await refusal(url), 503);
  clients[0]!.socket.close();
  await once(clients[0]!.socket, "close");
  await Client.open(context, url);
});

test("a page of another origin is refused, the own page and programs are not", async (context) => {
  const { url, port } = await setUp(context);
  for (const origin of [
    "https://evil.example",
    "null",
    `http://localhost:${port + 1}`,
    `http://127.0.0.1:${port}x`,
  ]) {
    assert.equal(await refusal(url, [], { origin }), 403, origin);
  }
  await Client.open(context, url, [], { origin: `http://127.0.0.1:${port}` });
  await Client.open(context, url);
});

test("a foreign Host and other paths are refused", async (context) => {
  const { url, port } = await setUp(context);
  assert.equal(await refusal(url, [], { headers: { host: "evil.example" } }), 403);
  assert.equal(await refusal(`ws://127.0.0.1:${port}/v1/other`), 404);
});

test("with a token a client shows it in a header or, as browsers must, in a subprotocol", async (context) => {
  const { url } = await setUp(context, 10, { token_file: join(dir, "token") });
  const prefix = "base64url.bearer.authorization.keyhole.";
  const encode = (token: string) => prefix + Buffer.from(token).toString("base64url");
  assert.equal(await refusal(url), 401);
  assert.equal(await refusal(url, ["keyhole", encode(`${TOKEN}x`)]), 401);
  assert.equal(await refusal(url, [], { headers: { authorization: "Bearer wrong" } }), 401);
  await Client.open(context, url, [], { headers: { authorization: `Bearer ${TOKEN}` } });
  const browser = await Client.open(context, url, [encode(TOKEN), "keyhole"]);
  assert.equal(browser.socket.protocol, "keyhole");
});

test("a client that sends too much or nonsense is closed, the others stay", async (context) => {
  const { publisher, url, port } = await setUp(context);
  const good = await Client.open(context, url);
  const bad = await Client.open(context, url);
  bad.socket.on("error", () => {});
  bad.socket.send("x".repeat(5000));
  const [code] = await once(bad.socket, "close");
  assert.equal(code, 1009);
  const raw = connect(port, "127.0.0.1");
  raw.on("error", () => {});
  raw.write(
    "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await once(raw, "data");
  raw.write(Buffer.from([0xff, 0xff, 0xff]));
  await once(raw, "close");
  publisher.publish(setns());
  await good.until(({ length }) => length === 1);
});

test("a client that resets its connection during the handshake harms nobody", async (context) => {
  const { publisher, url, port } = await setUp(context);
  for (let count = 0; count < 5; count++) {
    const raw = connect(port, "127.0.0.1");
    raw.on("error", () => {});
    await once(raw, "connect");
    raw.write(
      "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    raw.resetAndDestroy();
  }
  const client = await Client.open(context, url);
  publisher.publish(setns());
  await client.until(({ length }) => length === 1);
});

test("close tells clients that the agent goes away", async (context) => {
  const { publisher, server, url } = await setUp(context);
  const client = await Client.open(context, url);
  const closed = once(client.socket, "close");
  await publisher.close();
  await server.close();
  const [code] = await closed;
  assert.equal(code, 1001);
});

test("a client that reads nothing for 30 s is given up", async (context) => {
  const { publisher, tail, url } = await setUp(context, 20);
  const stalled = await Client.open(context, url);
  stalled.socket.pause();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  // 64 MiB in one turn of the event loop: what the kernel does not take is queued.
  for (let count = 0; count < 64; count++)
    publisher.publish(setns({ args: { data: "x".repeat(1024 * 1024) } }));
  context.mock.timers.tick(29_999);
  assert.equal(tail.clients, 1);
  context.mock.timers.tick(1);
  const closed = once(stalled.socket, "close");
  stalled.socket.resume();
  const [code] = await closed;
  assert.equal(code, 1006);
});

test("a client that answers pings stays, one that does not is given up", async (context) => {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const { url } = await setUp(context);
  const alive = await Client.open(context, url);
  const dead = await Client.open(context, url, [], { autoPong: false });
  const pinged = Promise.all([once(alive.socket, "ping"), once(dead.socket, "ping")]);
  context.mock.timers.tick(30_000);
  await pinged;
  // The server answers this ping after it has read the pong that was sent before it.
  alive.socket.ping();
  await once(alive.socket, "pong");
  const closed = once(dead.socket, "close");
  const again = once(alive.socket, "ping");
  context.mock.timers.tick(30_000);
  const [code] = await closed;
  assert.equal(code, 1006);
  await again;
});
