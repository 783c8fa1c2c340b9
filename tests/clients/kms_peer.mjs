// node's crypto beside KMS: reads what the API answered, checks it, and answers what only a peer can make: ciphertexts, signatures and
// MACs of its own, and imported material wrapped. One JSON object in, one out; binary in base64.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import { readFileSync } from "node:fs";

const given = JSON.parse(readFileSync(0, "utf8"));
const bytes = (text) => Buffer.from(text, "base64");
const text = (data) => Buffer.from(data).toString("base64");
const publicKey = (der) => crypto.createPublicKey({ key: bytes(der), format: "der", type: "spki" });

// How node says each of KMS's algorithms.
function scheme(algorithm) {
  if (algorithm === "ED25519_SHA_512") return { hash: null, options: {} };
  const [, kind, bits] = algorithm.match(/^(RSASSA_PSS|RSASSA_PKCS1_V1_5|ECDSA)_SHA_(\d+)$/);
  const options =
    kind === "RSASSA_PSS" ? { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST }
    : kind === "RSASSA_PKCS1_V1_5" ? { padding: crypto.constants.RSA_PKCS1_PADDING } : { dsaEncoding: "der" };
  return { hash: `sha${bits}`, options };
}

const oaep = (key, hash) => ({ key, padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash });

function signatures() {
  for (const s of given.signatures) {
    const { hash, options } = scheme(s.algorithm), key = { key: publicKey(s.public), ...options };
    const what = `${s.spec} ${s.algorithm} ${s.kind}`;
    assert.ok(crypto.verify(hash, bytes(s.message), key, bytes(s.signature)), what);
    assert.ok(!crypto.verify(hash, Buffer.concat([bytes(s.message), Buffer.from("x")]), key, bytes(s.signature)), what);
  }
}

// Pairs that KMS made for somebody: node signs with them, or agrees.
function pairs() {
  return given.pairs.map((p) => {
    const own = crypto.createPrivateKey({ key: bytes(p.private), format: "der", type: "pkcs8" });
    assert.deepEqual(crypto.createPublicKey(own).export({ format: "der", type: "spki" }), bytes(p.public), p.spec);
    return p.spec;
  });
}

// Private keys of node's that are imported: what it signs KMS has to verify.
function imported() {
  return given.imports.map((i) => {
    let material, own, signed = {};
    if (i.spec.startsWith("HMAC") || i.spec === "SYMMETRIC_DEFAULT") {
      material = bytes(i.material);
    } else {
      own = i.spec.startsWith("RSA") ? crypto.generateKeyPairSync("rsa", { modulusLength: Number(i.spec.slice(4)) })
        : i.spec === "ECC_NIST_EDWARDS25519" ? crypto.generateKeyPairSync("ed25519")
        : crypto.generateKeyPairSync("ec", { namedCurve: i.curve });
      material = own.privateKey.export({ format: "der", type: "pkcs8" });
      for (const algorithm of i.algorithms) {
        const { hash, options } = scheme(algorithm);
        signed[algorithm] = text(crypto.sign(hash, bytes(given.message), { key: own.privateKey, ...options }));
      }
    }
    return { ...i, sealed: text(wrap(i, material)), signed };
  });
}

function wrap(i, material) {
  const key = publicKey(i.wrapping), hash = i.wrap.endsWith("256") ? "sha256" : "sha1";
  if (i.wrap.startsWith("RSAES")) return crypto.publicEncrypt(oaep(key, hash), material);
  const aes = crypto.randomBytes(32);
  const c = crypto.createCipheriv("id-aes256-wrap-pad", aes, Buffer.from("a65959a6", "hex"));
  return Buffer.concat([crypto.publicEncrypt(oaep(key, hash), aes), c.update(material), c.final()]);
}

// The ciphertext form of SYMMETRIC_DEFAULT, written down from docs/keys.md alone.
function open(material, blob, context) {
  let at = 1;
  assert.equal(blob[0], 1);
  for (let names = 0; names < 3; names++) at += 1 + blob[at];
  const salt = blob.subarray(at + 32, at + 64), front = blob.subarray(0, at + 64), sealed = blob.subarray(at + 64);
  const derived = Buffer.from(crypto.hkdfSync("sha256", material, salt, "bulwark kms message", 44));
  const parts = [];
  for (const [key, value] of Object.entries(context).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
    for (const part of [key, value]) {
      const n = Buffer.alloc(4);
      n.writeUInt32LE(Buffer.byteLength(part));
      parts.push(n, Buffer.from(part));
    }
  const c = crypto.createDecipheriv("aes-256-gcm", derived.subarray(0, 32), derived.subarray(32));
  c.setAAD(Buffer.concat([front, ...parts]));
  c.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([c.update(sealed.subarray(0, -16)), c.final()]);
}

const steps = {
  first() {
    signatures();
    return {
      pairs: pairs(),
      encrypted: given.encryption.map((e) => ({ ...e, blob: text(crypto.publicEncrypt(oaep(publicKey(e.public), e.hash), bytes(given.message))) })),
      shared: given.agreement.map((a) => {
        const own = crypto.generateKeyPairSync("ec", { namedCurve: a.curve });
        const secret = crypto.diffieHellman({ privateKey: own.privateKey, publicKey: publicKey(a.public) });
        return { ...a, own: text(own.publicKey.export({ format: "der", type: "spki" })), secret: text(secret) };
      }),
      imported: imported(),
    };
  },
  second() {
    for (const m of given.macs)
      assert.equal(text(crypto.createHmac(m.hash, bytes(m.material)).update(bytes(given.message)).digest()), m.mac, m.spec);
    for (const b of given.blobs) assert.equal(text(open(bytes(b.material), bytes(b.blob), b.context)), given.message);
    return {};
  },
};

process.stdout.write(JSON.stringify(steps[given.step]()));
