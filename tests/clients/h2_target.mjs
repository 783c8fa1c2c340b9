// A target that speaks HTTP/2 by node's own implementation: over cleartext with prior knowledge, and over TLS when a key and a
// certificate are given; and HTTP/1.1 ("old"), for comparison. Says its ports and then, a line of JSON each, what it was asked.
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";

const { NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM } = http2.constants;
const [key, cert] = process.argv.slice(2);
const settings = { maxConcurrentStreams: Number(process.env.STREAMS ?? 100) };
const refused = new Set();

function say(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

const ways = {
  // What came goes back, trailers too.
  "/echo"(stream, headers) {
    const trailers = {};
    stream.on("trailers", (t) => Object.assign(trailers, t));
    stream.respond({ ":status": 200, "x-method": headers[":method"], "x-te": headers.te ?? "" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-end": "yes", "x-back": trailers["x-forth"] ?? "none", "x-kept": "1" }));
    stream.pipe(stream);
  },
  "/length"(stream) {
    stream.respond({ ":status": 200, "content-length": "5", "x-amz": "1" });
    stream.end("hello");
  },
  "/empty"(stream) {
    stream.respond({ ":status": 204 }, { endStream: true });
  },
  "/status"(stream) {
    stream.respond({ ":status": 418 });
    stream.end("teapot");
  },
  // The answer's head is all there is, as gRPC's errors are.
  "/only"(stream) {
    stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "12" }, { endStream: true });
  },
  "/early"(stream) {
    stream.additionalHeaders({ ":status": 103, link: "</a>" });
    stream.respond({ ":status": 200 });
    stream.end("late");
  },
  "/cancel"(stream) {
    stream.respond({ ":status": 200 });
    stream.write("part", () => stream.close(NGHTTP2_CANCEL));
  },
  "/reset"(stream) {
    stream.close(NGHTTP2_CANCEL);
  },
  // Each is refused once.
  "/refuse"(stream, headers) {
    if (refused.has(headers[":path"])) {
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    } else {
      refused.add(headers[":path"]);
      stream.close(NGHTTP2_REFUSED_STREAM);
    }
  },
  "/goaway"(stream) {
    stream.respond({ ":status": 200 });
    stream.end("bye");
    stream.session.close();
  },
  "/destroy"(stream) {
    stream.session.destroy();
  },
  "/wait"(stream) {
    stream.on("aborted", () => say({ aborted: stream.rstCode }));
  },
  "/pour"(stream) {
    const block = Buffer.alloc(65536, "x");
    let left = 512;
    stream.respond({ ":status": 200 });
    const more = () => {
      while (left-- > 0)
        if (!stream.write(block)) return stream.once("drain", more);
      stream.end();
    };
    more();
  },
  // Nothing is read until a second has passed.
  "/swallow"(stream) {
    let n = 0;
    stream.pause();
    setTimeout(() => stream.resume(), 1000);
    stream.on("data", (chunk) => { n += chunk.length; });
    stream.on("end", () => { stream.respond({ ":status": 200 }); stream.end(String(n)); });
  },
};

function serve(server, name) {
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    say({ asked: headers[":path"], headers, server: name });
    (ways[headers[":path"].split("?")[0]] ?? ways["/length"])(stream, headers);
  });
  server.on("session", (session) => { say({ session: name }); session.on("error", () => {}); });
  server.on("sessionError", () => {});
  return new Promise((done) => { server.listen(0, "127.0.0.1", () => done(server.address().port)); });
}

const ports = { plain: await serve(http2.createServer({ settings }), "plain") };
const old = http.createServer((request, response) => { request.resume(); request.on("end", () => response.end("hello")); });
await new Promise((done) => { old.listen(0, "127.0.0.1", done); });
ports.old = old.address().port;
if (key) ports.tls = await serve(http2.createSecureServer({ settings, key: readFileSync(key), cert: readFileSync(cert) }), "tls");
say(ports);
