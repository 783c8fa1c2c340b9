// A gRPC service and its client by @grpc/grpc-js, messages being plain bytes.
//   grpc_peer.mjs serve [NAME]                says its port
//   grpc_peer.mjs call ADDRESS CA NAME...     calls, each named below; a line of JSON each
import { readFileSync } from "node:fs";
import grpc from "@grpc/grpc-js";

const bytes = (v) => Buffer.from(v);
const method = (path, requestStream, responseStream) => ({
  path: `/test.Peer/${path}`, requestStream, responseStream, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes,
  responseDeserialize: bytes,
});
const service = {
  unary: method("Unary", false, false), gather: method("Gather", true, false), spread: method("Spread", false, true), talk: method("Talk", true, true),
  fail: method("Fail", false, false), wait: method("Wait", false, false), who: method("Who", false, false), quit: method("Quit", false, true),
};

function serve(name) {
  let told = false;
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1 });
  server.addService(service, {
    unary(call, done) {
      const trailer = new grpc.Metadata();
      trailer.set("x-behind", "trailer");
      trailer.set("x-bytes-bin", Buffer.from([0, 1, 255]));
      const metadata = new grpc.Metadata();
      metadata.set("x-seen", String(call.metadata.get("x-mine")[0] ?? ""));
      call.sendMetadata(metadata);
      done(null, call.request, trailer);
    },
    gather(call, done) {
      let n = 0;
      call.on("data", (m) => { n += m.length; });
      call.on("end", () => done(null, String(n)));
    },
    spread(call) {
      for (let n = 0; n < Number(call.request); n++) call.write(`message ${n}`);
      call.end();
    },
    talk(call) {
      call.on("data", (m) => call.write(m));
      call.on("end", () => call.end());
      call.on("cancelled", () => process.stdout.write('{"cancelled":true}\n'));
    },
    fail(call, done) {
      done({ code: grpc.status.FAILED_PRECONDITION, details: "not now: 100% wrong, für immer" });
    },
    wait(call) {
      call.on("cancelled", () => process.stdout.write('{"cancelled":true}\n'));
    },
    who(call, done) {
      if (!told) process.stdout.write('{"served":true}\n');
      told = true;
      done(null, name ?? "");
    },
    quit(call) {
      call.write("half");
      setTimeout(() => process.exit(0), 100);
    },
  });
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`${JSON.stringify({ plain: port })}\n`);
  });
}

function client(address, ca) {
  const Client = grpc.makeGenericClientConstructor(service, "Peer");
  return new Client(address, grpc.credentials.createSsl(readFileSync(ca)), {
    "grpc.ssl_target_name_override": "a.example.com", "grpc.default_authority": "a.example.com", "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1, "grpc.enable_retries": 0,
  });
}

const outcome = (error, value) => (error ? { code: error.code, details: error.details } : { value: String(value) });
const unary = (c, name, message, options = {}) => new Promise((end) => { c[name](message, new grpc.Metadata(), options, (e, v) => end(outcome(e, v))); });

const calls = {
  async unary(c) {
    const metadata = new grpc.Metadata();
    metadata.set("x-mine", "from the client");
    return new Promise((end) => {
      const told = {};
      const call = c.unary("hello", metadata, (error, value) => { told.value = String(value); });
      call.on("metadata", (m) => { told.seen = m.get("x-seen")[0]; });
      call.on("status", (s) => end({ ...told, code: s.code, behind: s.metadata.get("x-behind")[0], bin: s.metadata.get("x-bytes-bin")[0]?.toString("hex") }));
    });
  },
  async empty(c) { return unary(c, "unary", ""); },
  async big(c) {
    const message = Buffer.alloc(8 << 20, "b");
    return new Promise((end) => { c.unary(message, (e, v) => end({ same: !e && message.equals(v), code: e?.code })); });
  },
  async gather(c) {
    return new Promise((end) => {
      const call = c.gather((e, v) => end(outcome(e, v)));
      for (let n = 0; n < 300; n++) call.write(Buffer.alloc(5000));
      call.end();
    });
  },
  async spread(c) {
    return new Promise((end) => {
      const got = [];
      const call = c.spread("500");
      call.on("data", (m) => got.push(String(m)));
      call.on("error", () => {});
      call.on("status", (s) => end({ n: got.length, last: got.at(-1), code: s.code }));
    });
  },
  async talk(c) {
    return new Promise((end) => {
      const call = c.talk();
      let n = 0;
      call.on("data", (m) => { if (String(m) !== `word ${n}`) end({ wrong: String(m) }); if (++n === 200) call.end(); else call.write(`word ${n}`); });
      call.on("error", () => {});
      call.on("status", (s) => end({ n, code: s.code }));
      call.write("word 0");
    });
  },
  async fail(c) { return unary(c, "fail", "x"); },
  async unknown(c) {
    return new Promise((end) => { c.makeUnaryRequest("/test.Peer/Nobody", bytes, bytes, "x", (e, v) => end(outcome(e, v))); });
  },
  async deadline(c) { return unary(c, "wait", "x", { deadline: Date.now() + 300 }); },
  async cancel(c) {
    return new Promise((end) => {
      const call = c.talk();
      call.on("data", () => call.cancel());
      call.on("error", (e) => end({ code: e.code }));
      call.write("word");
    });
  },
  async quit(c) {
    return new Promise((end) => {
      const got = [];
      const call = c.quit("x");
      call.on("data", (m) => got.push(String(m)));
      call.on("error", (e) => end({ code: e.code, got }));
      call.on("end", () => {});
    });
  },
  // As many at a time as one connection takes, again and again for some seconds: what becomes of each.
  async load(c) {
    const told = { good: 0, bad: {}, who: {} };
    const until = Date.now() + Number(process.env.SECONDS ?? 3) * 1000;
    const lane = async () => {
      while (Date.now() < until) {
        const r = await unary(c, "who", "x", { deadline: Date.now() + 5000 });
        if (r.code === undefined) { told.good++; told.who[r.value] = (told.who[r.value] ?? 0) + 1; }
        else told.bad[r.code] = (told.bad[r.code] ?? 0) + 1;
      }
    };
    await Promise.all(Array.from({ length: 16 }, lane));
    return told;
  },
};

const [what, ...rest] = process.argv.slice(2);
if (what === "serve") {
  serve(rest[0]);
} else {
  const [address, ca, ...names] = rest;
  const c = client(address, ca);
  for (const name of names) process.stdout.write(`${JSON.stringify({ name, ...(await calls[name](c)) })}\n`);
  c.close();
}
