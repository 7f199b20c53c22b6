// A guest that is made with our library runs under the public waPC host for Node, `@wapc/host`.
'use strict';

const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { test } = require('node:test');

const { instantiate } = require('@wapc/host');

// A guest made with our `wascc-guest`, as it was built from `examples/guests/echo`.
const echo = readFileSync(join(__dirname, '../../../examples/guests/modules/echo.wasm'));

const bytes = (text) => new TextEncoder().encode(text);
const text = (bytes) => new TextDecoder().decode(bytes);

// The guest on a host that keeps its calls, answers them in capitals, and refuses `refuse`.
async function start() {
  const calls = [];
  const guest = await instantiate(echo, (binding, namespace, operation, payload) => {
    calls.push([binding, namespace, operation, text(payload)]);
    if (text(payload) === 'refuse') {
      throw new Error('not today, à bientôt');
    }
    return bytes(text(payload).toUpperCase());
  });
  return { guest, calls };
}

test('echo answers with the payload', async () => {
  const { guest } = await start();
  for (const size of [1, 64, 1 << 10, 64 << 10, 1 << 20]) {
    const payload = Uint8Array.from({ length: size }, (_, index) => index);
    assert.deepEqual(await guest.invoke('echo', payload), payload);
  }
});

test('an empty payload has an empty reply', async () => {
  const { guest, calls } = await start();
  assert.deepEqual(await guest.invoke('echo', bytes('not empty')), bytes('not empty'));
  assert.deepEqual(await guest.invoke('echo', bytes('')), bytes(''));
  assert.deepEqual(await guest.invoke('callback', bytes('')), bytes(''));
  assert.deepEqual(calls, [['default', 'example:echo', 'Callback', '']]);
});

test('callback answers with what the host says', async () => {
  const { guest, calls } = await start();
  assert.equal(text(await guest.invoke('callback', bytes('loud'))), 'LOUD');
  assert.deepEqual(calls, [['default', 'example:echo', 'Callback', 'loud']]);
});

// The host reports the length of its error in characters and writes it as UTF-8: the guest must have room for more.
test('the error of a host call comes back', async () => {
  const { guest } = await start();
  await assert.rejects(guest.invoke('callback', bytes('refuse')), /not today, à bient/);
  assert.equal(text(await guest.invoke('callback', bytes('again'))), 'AGAIN');
});

test('fail fails with the text that it is sent', async () => {
  const { guest } = await start();
  await assert.rejects(guest.invoke('fail', bytes('warum? désolé')), { message: 'warum? désolé' });
  await assert.rejects(guest.invoke('fail', bytes('')), { message: 'asked to fail, without a reason' });
  assert.equal(text(await guest.invoke('echo', bytes('still here'))), 'still here');
});

test('log writes to the console and answers with nothing', async (t) => {
  const { guest } = await start();
  const log = t.mock.method(console, 'log', () => {});
  assert.deepEqual(await guest.invoke('log', bytes("a line of the guest's")), bytes(''));
  assert.deepEqual(log.mock.calls.map((call) => call.arguments), [["a line of the guest's"]]);
});

test('an unknown operation is named', async () => {
  const { guest } = await start();
  await assert.rejects(guest.invoke('unheard-of', bytes('')), /unheard-of/);
});
