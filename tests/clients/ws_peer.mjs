// Both ends of a WebSocket by ws.
//   ws_peer.mjs serve                   says its port; echoes, and closes as it is told
//   ws_peer.mjs call ADDRESS CA NAME... what is named below, a line of JSON each
import { readFileSync } from "node:fs";
import { WebSocket, WebSocketServer } from "ws";

function serve() {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: (offered) => (offered.has("talk") ? "talk" : false) });
  server.on("listening", () => process.stdout.write(`${JSON.stringify({ plain: server.address().port })}\n`));
  server.on("connection", (socket, request) => {
    process.stdout.write(`${JSON.stringify({ asked: request.url, proto: request.headers["x-forwarded-proto"] })}\n`);
    socket.on("message", (data, binary) => {
      if (String(data) === "close") socket.close(4001, "as told");
      else if (String(data) === "die") socket.terminate();
      else socket.send(data, { binary });
    });
    socket.on("close", (code) => process.stdout.write(`${JSON.stringify({ closed: code })}\n`));
  });
}

const [what, address, ca, ...names] = process.argv.slice(2);
const open = (path) => new WebSocket(`wss://${address}${path}`, "talk", {
  ca: readFileSync(ca), servername: "a.example.com", headers: { host: "a.example.com" } });
const once = (socket, event) => new Promise((end) => { socket.once(event, (...v) => end(v)); });

const calls = {
  async echo() {
    const s = open("/echo?a=b");
    await once(s, "open");
    const same = [];
    for (const message of ["hello", "", "für immer", Buffer.alloc(300000, "b"), Buffer.from([0, 1, 255])]) {
      s.send(message);
      const [data, binary] = await once(s, "message");
      same.push(Buffer.from(message).equals(data) && binary === (typeof message !== "string"));
    }
    s.ping("p");
    const [pong] = await once(s, "pong");
    const { protocol } = s;
    s.close(4000, "enough");
    const [code] = await once(s, "close");
    return { same, pong: String(pong), protocol, code };
  },
  async closed() {
    const s = open("/");
    await once(s, "open");
    s.send("close");
    const [code, reason] = await once(s, "close");
    return { code, reason: String(reason) };
  },
  async dead() {
    const s = open("/");
    await once(s, "open");
    s.send("die");
    const [code] = await once(s, "close");
    return { code };
  },
  async refused() {
    const s = open("/");
    s.on("error", () => {});
    const [request, answer] = await once(s, "unexpected-response");
    request.destroy();
    return { status: answer.statusCode };
  },
};

if (what === "serve") serve();
else for (const name of names) process.stdout.write(`${JSON.stringify({ name, ...(await calls[name]()) })}\n`);
