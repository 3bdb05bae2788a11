// What is asked of the network again, and what for the first time only? By statuses and clocks that are made up.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAhead } from '../../web/js/ahead.js';
import { askAhead, passesAfter, pastCache, read, refuse, shareNoMore } from '../../web/js/network.js';
import { Retries } from '../../web/js/retries.js';

let count = 0;
/** An address that nothing is known of yet. */
const fresh = () => `http://shop/${(count += 1)}.json`;

/** Answers every request so; says which there were. */
function answering(answer) {
  const asked = [];
  globalThis.fetch = async (address) => {
    asked.push(String(address));
    return answer();
  };
  return asked;
}

const failureOf = (address, options) => read(address, options).then(() => assert.fail('it was read'), (cause) => cause);

test('what may pass is a server that is busy or does not answer; what is missing or forbidden stays so', async () => {
  for (const [status, after_ms] of [[408, 0], [429, 0], [500, 0], [502, 0], [503, 0], [504, 0], [400, undefined], [403, undefined], [404, undefined], [410, undefined]]) {
    answering(() => new Response(null, { status }));
    const cause = await failureOf(fresh());
    assert.equal(cause.code, 'package_unreachable');
    assert.equal(passesAfter(cause), after_ms, `status ${status}`);
  }
  answering(() => { throw new TypeError('Failed to fetch'); });
  assert.equal(passesAfter(await failureOf(fresh())), 0);
  const broken = new ReadableStream({ start: (controller) => controller.error(new TypeError('network error')) });
  answering(() => new Response(broken));
  assert.equal(passesAfter(await failureOf(fresh())), 0, 'an answer that breaks off');
  for (const code of ['package_corrupt', 'package_version', 'engine_failed']) assert.equal(passesAfter({ code, message: `${fresh()}: no` }), undefined, code);
});

test('an engine\'s own words are known by the address that they begin with', async () => {
  const address = fresh();
  answering(() => new Response(null, { status: 503 }));
  await failureOf(address);
  assert.equal(passesAfter({ code: 'package_unreachable', message: `${address}: the server answered 503` }), 0);
  answering(() => new Response(null, { status: 404 }));
  await failureOf(address);
  assert.equal(passesAfter({ code: 'package_unreachable', message: `${address}: the server answered 404` }), undefined);
  answering(() => new Response('{}'));
  await read(address);
  assert.equal(passesAfter({ code: 'engine_failed', message: `${address}: not what it should be` }), undefined, 'it came: the file itself is wrong');
});

test('a server says when to come back: in seconds or at a time, not in the past and not for ever', async () => {
  const waitOf = async (said) => {
    answering(() => new Response(null, { status: 503, headers: { 'retry-after': said } }));
    return passesAfter(await failureOf(fresh()));
  };
  assert.equal(await waitOf('7'), 7_000);
  assert.equal(await waitOf('soon'), 0);
  assert.equal(await waitOf('-3'), 0);
  assert.equal(await waitOf('99999999'), 24 * 60 * 60 * 1000);
  const in_ms = await waitOf(new Date(Date.now() + 60_000).toUTCString());
  assert.ok(in_ms > 55_000 && in_ms <= 60_000, `${in_ms} ms`);
  assert.equal(await waitOf(new Date(Date.now() - 60_000).toUTCString()), 0);
});

test('a script that does not load is looked at once more, for a browser does not say why', async () => {
  const why = async (answer, cause = new TypeError('Failed to fetch dynamically imported module')) => {
    const asked = answering(answer);
    const address = fresh();
    const error = await refuse(cause, address).catch((refused) => refused);
    assert.equal(error.code, 'engine_failed');
    return [passesAfter(error), asked.length];
  };
  assert.deepEqual(await why(() => new Response(null, { status: 503 })), [0, 1]);
  assert.deepEqual(await why(() => new Response(null, { status: 404 })), [undefined, 1]);
  assert.deepEqual(await why(() => new Response('')), [0, 1], 'it is there now');
  assert.deepEqual(await why(() => new Response(''), new SyntaxError('unexpected token')), [undefined, 0]);
});

test('what is shared is asked for once; what could not be read, the next one asks for himself', async () => {
  const address = fresh();
  let asked = answering(() => new Response('one'));
  assert.equal(await read(address, { isShared: true }), 'one');
  assert.equal(await read(address), 'one');
  assert.equal(asked.length, 1);
  assert.equal(await read(address), 'one');
  assert.equal(asked.length, 2, 'shared once');
  // Both at the same time.
  asked = answering(() => new Response('two'));
  assert.deepEqual(await Promise.all([read(address, { isShared: true }), read(address)]), ['two', 'two']);
  assert.equal(asked.length, 1);

  asked = answering(() => new Response(null, { status: 503 }));
  await Promise.all([failureOf(address, { isShared: true }), failureOf(address)]);
  assert.equal(asked.length, 2);
  asked = answering(() => new Response('three'));
  await read(address, { isShared: true });
  shareNoMore();
  await read(address);
  assert.equal(asked.length, 2);
});

test('what was asked for ahead has one answer, a failure too', async () => {
  const { signal } = new AbortController();
  const address = fresh();
  let asked = answering(() => new Response('one'));
  let taken = 0;
  await askAhead(address, { most_bytes: 3, signal, onTaken: () => { taken += 1; } });
  assert.equal(askAhead(address, { most_bytes: 3, signal }), undefined, 'it is on its way');
  assert.deepEqual([await read(address), taken, asked.length], ['one', 1, 1]);
  await read(address);
  assert.deepEqual([taken, asked.length], [1, 2], 'once');

  asked = answering(() => new Response(null, { status: 503 }));
  await askAhead(address, { most_bytes: 3, signal });
  assert.equal(passesAfter(await failureOf(address)), 0);
  assert.equal(asked.length, 1);
  asked = answering(() => { throw new TypeError('Failed to fetch'); });
  await assert.rejects(askAhead(address, { most_bytes: 3, signal }));
  assert.match((await failureOf(address)).message, /Failed to fetch/);
  assert.equal(asked.length, 1);
});

test('what is ahead is read at once, and no further than it may be long', async () => {
  let given = 0;
  let isCancelled = false;
  const endless = () => new ReadableStream({
    pull: (controller) => { given += 1; controller.enqueue(new Uint8Array(10)); },
    cancel: () => { isCancelled = true; },
  });
  answering(() => new Response(endless()));
  const address = fresh();
  await askAhead(address, { most_bytes: 25, signal: new AbortController().signal });
  await new Promise((resolve) => { setTimeout(resolve, 20); });
  assert.ok(given <= 5 && isCancelled, `${given} pieces, nobody having wanted one`);
  assert.equal((await read(address)).length, 30);
});

test('past the cache goes what is asked of one folder for as long as that lasts', async () => {
  const folder = `${fresh()}/model/`;
  const asked = [];
  globalThis.fetch = async (address, { cache }) => {
    asked.push(`${String(address).split('/').at(-1)} ${cache}`);
    return new Response('{}');
  };
  await read(`${folder}kept.json`, { isShared: true });
  await pastCache(folder, async () => {
    await read(`${folder}kept.json`);
    await read('http://elsewhere/other.json');
  });
  await assert.rejects(pastCache(folder, async () => { throw new Error('no'); }), /no/);
  await read(`${folder}last.json`);
  assert.deepEqual(asked, ['kept.json undefined', 'kept.json reload', 'other.json undefined', 'last.json undefined']);
});

test('the next files of a package are ahead of whoever reads it, and no others', async () => {
  const folder = `${fresh()}/model/`;
  const paths = ['a.json', 'b.bin', '../up.json', 'https://elsewhere/x', '.hidden', 'c.bin', 'd.bin', 'e.bin', 'f.bin', 'g.bin'];
  const manifest = JSON.stringify({ files: paths.map((path) => ({ path, bytes: 2 })) });
  const signals = [];
  const asked = [];
  globalThis.fetch = async (address, { signal }) => {
    asked.push(String(address).slice(folder.length));
    signals.push(signal);
    return new Response(String(address).endsWith('manifest.json') ? manifest : 'ok');
  };
  const settle = () => new Promise((resolve) => { setTimeout(resolve, 5); });
  // The catalogue, say, is wanted by content rules first.
  const first = read(`${folder}a.json`, { isShared: true });
  const end = readAhead(folder);
  await settle();
  assert.deepEqual(asked, ['a.json', 'manifest.json', 'b.bin', 'c.bin', 'd.bin', 'e.bin']);
  await first;
  assert.equal(await read(`${folder}manifest.json`), manifest);
  assert.equal(await read(`${folder}a.json`), 'ok');
  await settle();
  assert.equal(asked.length, 6, 'what others asked for moves nothing');
  assert.equal(await read(`${folder}b.bin`), 'ok');
  await settle();
  assert.deepEqual(asked.slice(6), ['f.bin']);
  end();
  assert.ok(signals.at(-1).aborted);
  assert.equal(await read(`${folder}c.bin`), 'ok');
  await settle();
  assert.deepEqual(asked.slice(7), ['c.bin'], 'what was given up is asked for by who wants it');
  shareNoMore();
});

test('a manifest that is no manifest is left to whoever reads the package', async () => {
  for (const body of ['{', '{}', '[]', 'null', '{"files": [1, null]}', '{"files": [{"path": 7, "bytes": "x"}]}']) {
    const folder = `${fresh()}/model/`;
    const asked = answering(() => new Response(body));
    const end = readAhead(folder);
    await new Promise((resolve) => { setTimeout(resolve, 5); });
    assert.equal(await read(`${folder}manifest.json`), body);
    assert.deepEqual(asked, [`${folder}manifest.json`]);
    end();
  }
});

test('a job is tried again until it is done, one try at a time, and says so until it has given up', async () => {
  const unreachable = { code: 'package_unreachable', message: 'http://shop/x: no answer' };
  let tries = 0;
  let later = 0;
  const job = new Retries(async () => {
    tries += 1;
    if (tries < 3) throw unreachable;
  }, () => { later += 1; }, 10);
  const both = [job.run(), job.run()];
  for (const each of both) await assert.rejects(each, { code: 'package_unreachable', message: 'http://shop/x: no answer; it is tried again' });
  assert.equal(tries, 1);
  assert.match(job.failure.message, /it is tried again$/);
  await new Promise((resolve) => { setTimeout(resolve, 200); });
  assert.deepEqual([tries, later, job.failure], [3, 2, undefined]);

  let vain = 0;
  const hopeless = new Retries(async () => {
    vain += 1;
    throw unreachable;
  }, () => {}, 1);
  await assert.rejects(hopeless.run());
  await new Promise((resolve) => { setTimeout(resolve, 200); });
  assert.deepEqual([vain, hopeless.failure], [4, unreachable]);

  let once = 0;
  const wrong = new Retries(async () => {
    once += 1;
    throw { code: 'package_corrupt', message: 'weights-000.bin' };
  }, () => {}, 1);
  await assert.rejects(wrong.run(), { message: 'weights-000.bin' });
  await new Promise((resolve) => { setTimeout(resolve, 50); });
  assert.equal(once, 1);
});
