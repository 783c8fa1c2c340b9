// Decisions by Bulwark and its peers side by side: node bench/policy_peers.mjs BUILD/bench
// (npm ci in bench/ first). Ten documents of five statements with one or two conditions; the sixth document allows.
import {execFileSync} from 'node:child_process'
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {runSimulation} from '@cloud-copilot/iam-simulate'
import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import {newEnforcer, newModelFromString} from 'casbin'

const services = ['ec2', 'iam', 'sqs', 'sns', 'kms', 'logs', 'lambda', 'dynamodb', 'rds', 'ecs', 'sts']
const team = {StringEquals: {'aws:PrincipalTag/team': ['red', 'blue']}}
const both = {...team, IpAddress: {'aws:SourceIp': '10.0.0.0/8'}}

function documents(count, statements) {
  return Array.from({length: count}, (_, d) => ({
    Version: '2012-10-17',
    Statement: Array.from({length: statements}, (_, i) => {
      const n = d * statements + i, service = services[n % services.length]
      if (d === Math.floor(count / 2) && i === Math.floor(statements / 2))
        return {Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: 'arn:aws:s3:::bucket/${aws:username}/*', Condition: both}
      return {Effect: 'Allow', Action: [`${service}:List*`, `${service}:Describe${n}`, `${service}:Put${n}*`], Resource: '*',
        Condition: n % 2 ? team : both}
    })
  }))
}

function measure(runs, ask) {
  const times = []
  for (let i = 0; i < runs; i++) {
    const from = process.hrtime.bigint()
    if (!ask()) throw new Error('not allowed')
    if (i >= runs / 5) times.push(Number(process.hrtime.bigint() - from))
  }
  times.sort((a, b) => a - b)
  return {median: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)]}
}

async function measureAsync(runs, ask) {
  const times = []
  for (let i = 0; i < runs; i++) {
    const from = process.hrtime.bigint()
    if (!(await ask())) throw new Error('not allowed')
    if (i >= runs / 5) times.push(Number(process.hrtime.bigint() - from))
  }
  times.sort((a, b) => a - b)
  return {median: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)]}
}

const context = {'aws:username': 'bob', 'aws:PrincipalTag/team': 'red', 'aws:SourceIp': '10.1.4.7', 'aws:SecureTransport': 'true'}

function written(docs, use) {
  const folder = mkdtempSync(join(tmpdir(), 'bulwark-bench-'))
  try {
    writeFileSync(join(folder, 'policies'), docs.map(d => JSON.stringify(d) + '\n').join(''))
    return use(join(folder, 'policies'))
  } finally {
    rmSync(folder, {recursive: true})
  }
}

const mark = docs => written(docs, path => JSON.parse(execFileSync(join(programs, 'bench-policy-mark'), [path]).toString()))

function iamSimulate(docs) {
  return measureAsync(100, async () => {
    const answer = await runSimulation({
      request: {principal: 'arn:aws:iam::123456789012:user/bob', action: 's3:GetObject',
        resource: {resource: 'arn:aws:s3:::bucket/bob/key', accountId: '123456789012'}, contextVariables: context},
      identityPolicies: docs.map((policy, i) => ({name: `p${i}`, policy})), serviceControlPolicies: [], resourceControlPolicies: []
    }, {})
    if (!/Allowed/.test(JSON.stringify(answer))) throw new Error(JSON.stringify(answer).slice(0, 400))
    return true
  })
}

// The same shape in Cedar's language: fifty policies, conditions on team and address, one of which allows.
function cedarWasm(count) {
  const policies = Array.from({length: count}, (_, n) => {
    const action = n === count / 2 ? '[Action::"s3:GetObject", Action::"s3:PutObject"]'
      : `[Action::"${services[n % services.length]}:List${n}", Action::"${services[n % services.length]}:Put${n}"]`
    const where = n === count / 2 ? ' && resource.path like "bucket/bob/*"' : ''
    return `permit(principal, action in ${action}, resource) when { ["red", "blue"].contains(context.team)` +
      `${n % 2 ? '' : ' && ip(context.ip).isInRange(ip("10.0.0.0/8"))'}${where} };`
  }).join('\n')
  if (cedar.preparsePolicySet('p', {staticPolicies: policies}).type !== 'success') throw new Error('cedar: the policies do not parse')
  return measure(5000, () => {
    const answer = cedar.statefulIsAuthorized({
      principal: {type: 'User', id: 'bob'}, action: {type: 'Action', id: 's3:GetObject'}, resource: {type: 'Object', id: 'k'},
      context: {team: 'red', ip: '10.1.4.7'}, preparsedPolicySetId: 'p',
      entities: [{uid: {type: 'Object', id: 'k'}, attrs: {path: 'bucket/bob/key'}, parents: []}]
    })
    if (answer.type !== 'success') throw new Error(JSON.stringify(answer))
    return answer.response.decision === 'allow'
  })
}

// Casbin has no conditions of this kind: subject, object and action alone, with wildcards.
async function casbin(count) {
  const enforcer = await newEnforcer(newModelFromString(`
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && keyMatch(r.obj, p.obj) && keyMatch(r.act, p.act)
`))
  for (let n = 0; n < count; n++)
    await enforcer.addPolicy('bob', n === count / 2 ? 'bucket/bob/*' : '*', n === count / 2 ? 's3:GetObject' : `${services[n % services.length]}:List${n}`)
  return measureAsync(2000, () => enforcer.enforce('bob', 'bucket/bob/key', 's3:GetObject'))
}

const programs = process.argv[2]
if (!programs) {
  console.error('usage: node bench/policy_peers.mjs BUILD/bench')
  process.exit(2)
}
const docs = documents(10, 5), ours = mark(docs), large = mark(documents(1000, 50))
const rows = [
  ['Bulwark', ours, 'all layers and operators of AWS; request built each time'],
  ['iam-simulate, npm', await iamSimulate(docs), 'AWS\'s language; validates and explains each time, JavaScript'],
  ['cedar-wasm, npm', cedarWasm(50), 'Cedar\'s language, 50 parsed policies; JSON crosses into WebAssembly'],
  ['casbin, npm', await casbin(50), 'subject, object, action alone; no conditions']
]
const line = (name, median, p99, ratio, work) =>
  console.log(`${name.padEnd(22)}${median.padStart(12)}${p99.padStart(12)}${ratio.padStart(10)}  ${work}`)
line('10 x 5', 'median ns', 'p99 ns', 'ratio', 'work')
for (const [name, m, work] of rows)
  line(name, String(m.median), String(m.p99), `${(m.median / ours.median).toFixed(1)}x`, work)
line('Cedar, published', '4000-11000', '', `${(4000 / ours.median).toFixed(0)}-${(11000 / ours.median).toFixed(0)}x`, 'not run here: AWS\'s own figures, another machine, Rust in process')
line('vendors\' claims', '179-374', '', `${(179 / ours.median).toFixed(1)}-${(374 / ours.median).toFixed(1)}x`, 'not run here: unverifiable, other work')
// Others may use the machine: CPU time is what a decision costs, and the register loop says what two threads can do.
const rates = (name, m) => console.log(`Bulwark, ${name}: median ${m.median} ns, p99 ${m.p99} ns; ${m.rate1} decisions/s on one thread, ${m.rate2} on two: ` +
  `${m.scale}x, where a loop in registers does ${m.limit}x; CPU time a decision ${m.cpu1} ns on one thread, ${m.cpu2} ns on each of two`)
console.log()
rates('10 x 5', ours)
rates('1000 x 50', large)
console.log(`\ncompiled documents, 10 x 5: ${ours.memory} times the JSON text; 1000 x 50: ${large.memory} times; AWS's own:\n`)
console.log(execFileSync(join(programs, 'bench-policy-memory')).toString())
